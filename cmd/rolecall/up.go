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
	f.StringVar(&o.region, "region", "us-east-1", "`region` that this machine reports")
	f.StringVar(&o.profile, "instance-profile", directory.DefaultName, "`name` of the instance profile that this machine gets")
	return command
}

func runUp(ctx context.Context, c common, ao agentOptions, co coreOptions, o upOptions, w world) error {
	keyring, err := c.prepare(w)
	if err != nil {
		return err
	}
	if err := o.survives(co); err != nil {
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
	host, err := enrol(core, agent, "unix:"+c.path(issuerSocket), o)
	if err == nil {
		err = agent.open(ctx, ao, host)
	}
	if err != nil {
		return errors.Join(err, closeBoth())
	}
	ready := task{"readiness", func(ctx context.Context) error {
		if !agent.awaitReady(ctx) {
			return nil
		}
		if err := printReady(w, agent, ao, co, o); err != nil {
			return err
		}
		return notifyReady(logger)
	}}
	tasks := append(append(core.tasks, agent.tasks...), ready)
	return errors.Join(runTasks(ctx, tasks), closeBoth())
}

// survives refuses a pruning that would take away what this machine is to get.
func (o upOptions) survives(co coreOptions) error {
	if !co.prune || co.definitions == nil {
		return nil
	}
	home := co.definitions.Accounts[0]
	for _, p := range home.InstanceProfiles {
		if p.Name == o.profile {
			return nil
		}
	}
	return fmt.Errorf("--prune would delete the instance profile %q, which this machine is to get: define it in account %s, or name another with --instance-profile", o.profile, home.ID)
}

// enrol registers this host with the core, grants it its own instance and the
// profile, and returns the instance, which keeps its id from start to start.
func enrol(core *coreHalf, agent *agentHalf, issuer string, o upOptions) (rolestore.Instance, error) {
	identity := agent.identity
	d := core.Directory().Snapshot()
	account := d.HomeAccount()
	profile := d.InstanceProfileByName(account, o.profile)
	if profile == nil {
		return rolestore.Instance{}, fmt.Errorf("account %s has no instance profile %q: define it in core.yaml, or name another with --instance-profile", account, o.profile)
	}
	role := d.RoleByName(account, profile.Role)
	if role == nil {
		return rolestore.Instance{}, fmt.Errorf("instance profile %q of account %s has the role %q, which is gone: define it in core.yaml, or name another profile with --instance-profile", o.profile, account, profile.Role)
	}
	instance := rolestore.Instance{ID: rolestore.NewInstanceID()}
	if known := identity.Instances(); len(known) > 0 {
		instance = known[0]
	}
	instance.Profile = rolestore.InstanceProfile{
		ARN: profile.ARN(), ID: profile.UniqueID,
		Role: rolestore.Role{ARN: role.ARN()},
	}
	instance.Attachment = rolestore.Attachment{Host: true}
	instance.Options = rolestore.DefaultMetadataOptions()
	instance.Placement = rolestore.Placement{Region: o.region, AvailabilityZone: o.region + "a"}

	if err := instance.Validate(); err != nil {
		return instance, err
	}
	instance, err := identity.PutInstance(instance)
	if err != nil {
		return instance, err
	}
	enrolment := hold.Enrolment{CoreID: d.CoreID(), Issuer: issuer}
	if known, _ := identity.Enrolment(); known.CoreID != enrolment.CoreID {
		// Another core does not know the sessions of the one before.
		if err := agent.cache.Remove(instance.ID); err != nil {
			return instance, err
		}
	}
	if err := identity.PutEnrolment(enrolment); err != nil {
		return instance, err
	}
	return instance, core.Directory().PutHost(directory.Host{
		ID: identity.HostID(), Account: account, Key: &identity.HostKey().PublicKey,
		Grant: directory.Grant{InstanceProfiles: []string{profile.ARN()}, InstanceIDs: []string{instance.ID}},
	})
}
