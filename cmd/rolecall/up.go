package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/rolecall/rolecall/rolestore"
	"github.com/rolecall/rolecall/rolestore/hold"
	"github.com/rolecall/rolecall/rolestore/issuer/directory"
)

// defaultRegion is where machines are that nobody says it of.
const defaultRegion = directory.DefaultRegion

// upOptions are the settings that `up` alone has.
type upOptions struct {
	region  string
	profile string
}

func upCommand(w world, d defaults) *cobra.Command {
	var c common
	var agent agentOptions
	var core coreOptions
	var o upOptions
	command := &cobra.Command{
		Use:   "up",
		Short: "Run agent and core together, and give this machine a role",
		Long: "Runs the host agent and an embedded issuing core in one process, registers this machine as an\n" +
			"instance, and serves it the credentials of the role in its instance profile. Ends with Ctrl-C.",
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			if err := core.readFile(&c, command, nil); err != nil {
				return err
			}
			return runUp(command.Context(), c, agent, core, o, w)
		},
	}
	f := command.Flags()
	c.flags(f, d.coreConfig, d, slog.LevelWarn)
	agent.flags(f, d)
	core.flags(f, d)
	f.StringVar(&o.region, "region", defaultRegion, "`region` that this machine reports")
	f.StringVar(&o.profile, "instance-profile", directory.DefaultName, "`name` of the instance profile that this machine gets")
	return command
}

func runUp(ctx context.Context, c common, ao agentOptions, co coreOptions, o upOptions, w world) error {
	keyring, err := c.prepare(w)
	if err != nil {
		return err
	}
	co.survives = func(want *directory.Definitions) error { return o.survives(co.prune, want) }
	if err := co.survives(co.definitions); err != nil {
		return err
	}
	logger := c.logger(w)
	core, err := openCore(ctx, c, co, w, keyring, logger)
	if err != nil {
		return err
	}
	agent, err := openStores(c, ao, w, keyring, logger)
	if err != nil {
		return errors.Join(err, core.Close())
	}
	closeBoth := func() error { return errors.Join(agent.Close(), core.Close()) }
	agent.profiles = coreProfiles{core.Directory()}
	agent.advice = core.file.notes
	core.redefined = func() error { return grantOwn(core, agent, o.region) }
	host, err := enrol(core, agent, "unix:"+c.path(issuerSocket), o)
	if err == nil {
		err = agent.open(ctx, host)
	}
	if err != nil {
		return errors.Join(err, closeBoth())
	}
	ready := task{"readiness", func(ctx context.Context) error {
		status, ok := agent.awaitReady(ctx, host.ID)
		if !ok {
			return nil
		}
		if err := printReady(w, status, ao, co, o); err != nil {
			return err
		}
		return notifyReady(logger)
	}}
	follow := task{"grant of this machine", func(ctx context.Context) error { return followProfiles(ctx, core, agent, o.region) }}
	tasks := append(append(core.tasks, agent.tasks...), follow, ready)
	return errors.Join(runTasks(ctx, tasks), closeBoth())
}

// survives refuses a pruning that would take away what this machine is to get.
func (o upOptions) survives(prune bool, want *directory.Definitions) error {
	if !prune || want == nil {
		return nil
	}
	home := want.Accounts[0]
	for _, p := range home.InstanceProfiles {
		if p.Name == o.profile {
			return nil
		}
	}
	return fmt.Errorf("--prune would delete the instance profile %q, which this machine is to get: define it in account %s, or name another with --instance-profile", o.profile, home.ID)
}

// enrol registers this host with the core and grants it all profiles of its account,
// for whatever instances its administrator attaches. It returns the instance that this
// machine is, whose id stays from start to start.
func enrol(core *coreHalf, agent *agentHalf, issuer string, o upOptions) (rolestore.Instance, error) {
	identity := agent.identity
	d := core.Directory().Snapshot()
	profile, err := agent.profiles.find(o.profile)
	if errors.Is(err, errNoRole) { // it can get one, from who asks the core that starts here
		agent.logger.Warn("this machine has no role", "err", err)
		profile, err = rolestore.InstanceProfile{}, nil
	}
	if err != nil {
		return rolestore.Instance{}, fmt.Errorf("--instance-profile: %w", err)
	}
	instance, ok := agent.host()
	if !ok {
		instance = rolestore.Instance{ID: rolestore.NewInstanceID()}
	}
	instance.Profile = profile
	instance.Attachment = rolestore.Attachment{Host: true}
	instance.Options = rolestore.DefaultMetadataOptions()
	instance.Options.HTTPProtocolIPv6 = "enabled"
	instance.Placement = rolestore.Placement{Region: o.region, AvailabilityZone: o.region + "a"}
	if err := instance.Validate(); err != nil {
		return instance, err
	}
	enrolment := hold.Enrolment{CoreID: d.CoreID(), Issuer: issuer}
	if known, _ := identity.Enrolment(); known.CoreID != enrolment.CoreID {
		// Another core does not know the sessions of the one before.
		for _, r := range identity.Registrations() {
			if err := agent.cache.Remove(r.Instance.ID); err != nil {
				return instance, err
			}
		}
	}
	if err := identity.PutEnrolment(enrolment); err != nil {
		return instance, err
	}
	return instance, grantOwn(core, agent, o.region)
}
