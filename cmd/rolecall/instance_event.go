package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/rolecall/rolecall/cmd/rolecall/admin"
	"github.com/rolecall/rolecall/rolestore"
)

// moment is a flag with a time.
type moment struct{ time *time.Time }

func (m moment) String() string { return "" }
func (m moment) Type() string   { return "time" }

func (m moment) Set(text string) error {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return errors.New("want a time such as 2026-03-04T05:06:07Z")
	}
	*m.time = t
	return nil
}

func instanceEvent(w world, socket *string) *cobra.Command {
	command := &cobra.Command{
		Use:   "event",
		Short: "Announce to instances what EC2 would, to try out what they do about it",
		Long: "Sets or clears what the metadata service announces to instances: at once, after --delay, or --at a\n" +
			"time, and over restarts of the agent. For example:\n\n" +
			"  rolecall instance event spot-interruption --action terminate --delay 30s i-0123456789abcdef0\n" +
			"  rolecall instance event spot-interruption --clear i-0123456789abcdef0",
		Args: cobra.NoArgs,
	}
	times := func(command *cobra.Command, c *rolestore.EventChange) {
		command.Flags().Var(moment{&c.Time}, "time", "when it happens to the instance; by default two minutes after it is told")
	}
	command.AddCommand(
		oneEvent(w, socket, rolestore.EventSpot, "A Spot Instance is interrupted: spot/instance-action", func(command *cobra.Command, c *rolestore.EventChange) {
			command.Flags().StringVar(&c.Action, "action", "terminate", "terminate, stop or hibernate")
			times(command, c)
		}),
		oneEvent(w, socket, rolestore.EventTermination, "A Spot Instance is terminated: spot/termination-time", times),
		oneEvent(w, socket, rolestore.EventRebalance, "A Spot Instance should be replaced: events/recommendations/rebalance", func(command *cobra.Command, c *rolestore.EventChange) {
			command.Flags().Var(moment{&c.Time}, "time", "when that was noticed; by default when it is told")
		}),
		oneEvent(w, socket, rolestore.EventMaintenance, "A scheduled event: events/maintenance/scheduled, or history if it is over", func(command *cobra.Command, c *rolestore.EventChange) {
			f := command.Flags()
			f.StringVar(&c.EventID, "event-id", "", "`id` of the event; by default a new one")
			f.StringVar(&c.Code, "code", "", "instance-reboot, system-reboot, system-maintenance, instance-retirement or instance-stop")
			f.StringVar(&c.Description, "description", "", "`text`; by default that of the code")
			f.StringVar(&c.State, "state", "", "active, completed or canceled; by default active")
			f.Var(moment{&c.NotBefore}, "not-before", "when it begins; by default when it is told")
			f.Var(moment{&c.NotAfter}, "not-after", "when it is over; by default an hour later")
		}),
		oneEvent(w, socket, rolestore.EventAutoScaling, "The Auto Scaling group's plan: autoscaling/target-lifecycle-state", func(command *cobra.Command, c *rolestore.EventChange) {
			command.Flags().StringVar(&c.State, "state", "", "InService, Standby, Detached, Terminated, or Warmed:Stopped and its like")
		}))
	return command
}

// oneEvent is the command for one event, with the flags that flags adds.
func oneEvent(w world, socket *string, event, short string, flags func(*cobra.Command, *rolestore.EventChange)) *cobra.Command {
	change := rolestore.EventChange{Event: event}
	var delay time.Duration
	command := &cobra.Command{
		Use:   event + " ID...",
		Short: short,
		Args:  cobra.MinimumNArgs(1),
		RunE: func(command *cobra.Command, ids []string) error {
			if delay < 0 {
				return fmt.Errorf("--delay %s: want how long until the instance is told", delay)
			}
			if delay > 0 {
				change.At = w.now().Add(delay)
			}
			if err := change.Validate(); err != nil {
				return fmt.Errorf("event %s: %w", event, err)
			}
			client := admin.NewClient(*socket)
			done := "told"
			switch {
			case change.At.After(w.now()):
				done = "will be told at " + change.At.Format(time.RFC3339)
			case change.Clear:
				done = "cleared"
			}
			return eachOf(w, ids, done, func(id string) error { return client.Tell(command.Context(), id, change) })
		},
	}
	command.Flags().BoolVar(&change.Clear, "clear", false, "take it back")
	command.Flags().Var(moment{&change.At}, "at", "when the instance is told")
	command.Flags().DurationVar(&delay, "delay", 0, "how long until the instance is told")
	command.MarkFlagsMutuallyExclusive("at", "delay")
	flags(command, &change)
	return command
}
