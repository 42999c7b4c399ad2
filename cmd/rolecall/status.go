package main

import (
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/rolecall/rolecall/cmd/rolecall/admin"
	"github.com/rolecall/rolecall/network"
)

func statusCommand(w world, d defaults) *cobra.Command {
	var socket, output string
	command := &cobra.Command{
		Use:   "status",
		Short: "Show what the agent on this host serves to whom",
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			status, err := admin.NewClient(socket).Status(command.Context())
			if err != nil {
				return err
			}
			return inForm(w, output, status, func() error { return printStatus(w, status) })
		},
	}
	command.Flags().StringVar(&socket, "admin-socket", served(d.adminSocket), "`path` of the agent's admin socket")
	outputFlag(command, &output)
	return command
}

// instant is t in UTC, or nil for a time that never came.
func instant(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC().Truncate(time.Second)
	return &t
}

func printStatus(w world, s admin.Status) error {
	now := w.now()
	table := tabwriter.NewWriter(w.stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "INSTANCE\tATTACHMENT\tROLE\tVALID FOR\tREFRESHED\tNEXT REFRESH\tFAILURES")
	for _, i := range s.Instances {
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%d\n", i.ID, i.Attachment, i.RoleARN,
			span(i.Expiration, now), ago(i.LastRefresh, now), in(i.NextRefresh, now), i.Failures)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if s.PortMode != string(network.Auto) { // which nothing has decided yet
		_, _ = fmt.Fprintf(w.stdout, "\nRequests for port 80 come to port %d (port mode %s).\n", s.Port, s.PortMode)
	}
	for _, i := range s.Instances {
		if i.LastError != "" {
			_, _ = fmt.Fprintf(w.stdout, "\n%s: last refresh failed: %s\n", i.ID, i.LastError)
		}
		if r := i.LastRefusal; r != nil {
			_, _ = fmt.Fprintf(w.stdout, "\n%s: last refused request, %s: %q from %s got %d: %s\n", i.ID, ago(&r.Time, now), r.Path, r.Peer, r.Status, r.Reason)
			if r.Remedy != "" {
				_, _ = fmt.Fprintf(w.stdout, "  %s\n", r.Remedy)
			}
		}
	}
	for _, note := range s.Notes {
		_, _ = fmt.Fprintf(w.stdout, "\nNote: %s\n", note)
	}
	return nil
}

func span(until *time.Time, now time.Time) string {
	switch {
	case until == nil:
		return "-"
	case !until.After(now):
		return "expired"
	}
	return until.Sub(now).Round(time.Second).String()
}

func ago(t *time.Time, now time.Time) string {
	if t == nil {
		return "never"
	}
	return max(0, now.Sub(*t)).Round(time.Second).String() + " ago"
}

func in(t *time.Time, now time.Time) string {
	if t == nil || !t.After(now) {
		return "now"
	}
	return "in " + t.Sub(now).Round(time.Second).String()
}
