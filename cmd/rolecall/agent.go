package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/rolecall/rolecall/cmd/rolecall/admin"
	"github.com/rolecall/rolecall/imds"
	"github.com/rolecall/rolecall/imds/token"
	"github.com/rolecall/rolecall/network"
	"github.com/rolecall/rolecall/rolestore"
	"github.com/rolecall/rolecall/rolestore/hold"
	"github.com/rolecall/rolecall/rolestore/rotate"
	"github.com/rolecall/rolecall/rolestore/seal"
	"github.com/rolecall/rolecall/rolestore/source"
)

const (
	defaultSession = rotate.Lifetime
	minSession     = 15 * time.Minute // AssumeRoleWithWebIdentity's bounds
	maxSession     = 12 * time.Hour
)

// agentOptions are the settings of the agent.
type agentOptions struct {
	adminSocket     string
	listen          string
	portMode        network.PortMode
	port            uint16
	sessionDuration time.Duration
	takeOver        bool
	keepNetwork     bool
	instancesDir    string
	clustersFile    string
	requestRate     uint16
	tokenRate       uint16
}

// agentHalf is a running agent.
type agentHalf struct {
	world    world
	options  agentOptions
	logger   *slog.Logger
	started  time.Time
	identity *hold.Agent
	cache    *hold.Cache
	network  *network.State
	imds     *imds.Server
	tokens   *token.Keys
	rotator  *rotate.Rotator
	profiles profiles
	files    *instanceFiles
	planned  chan struct{} // holds one token when an event was planned
	clusters *clusters
	pods     *pods
	region   string // where an instance is that does not say: where this machine is
	core     *source.Core
	link     *link
	// signatures are of the identity documents of the instances.
	signatures *signatures

	changing sync.Mutex // held while an instance is put or removed
	news     news
	deeds    *deeds
	notes    []string
	advice   func() []string // of the core beside it, if there is one

	tasks []task
	close []func() error
}

func agentCommand(w world, d defaults) *cobra.Command {
	var c common
	var o agentOptions
	command := &cobra.Command{
		Use:   "agent",
		Short: "Run the host agent alone, with the core that this host has joined",
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			var file struct {
				Settings settings `yaml:",inline"`
			}
			if err := readFile(c.config, !command.Flags().Changed("config"), &file); err != nil {
				return err
			}
			if err := file.Settings.apply(c.config, command.Flags(), nil); err != nil {
				return err
			}
			return runAgent(command.Context(), c, o, w)
		},
	}
	c.flags(command.Flags(), d.agentConfig, d, slog.LevelInfo)
	o.flags(command.Flags(), d)
	return command
}

func runAgent(ctx context.Context, c common, o agentOptions, w world) error {
	keyring, err := c.prepare(w)
	if err != nil {
		return err
	}
	a, err := openStores(c, o, w, keyring, c.logger(w))
	if err != nil {
		return err
	}
	host, _ := a.host()
	a.profiles = grantedProfiles{a}
	if err := a.open(ctx, host); err != nil {
		return errors.Join(err, a.Close())
	}
	ready := task{"readiness", func(ctx context.Context) error {
		if host.ID != "" {
			if _, ok := a.awaitReady(ctx, host.ID); !ok {
				return nil
			}
		}
		a.logger.Info("agent is ready", "instances", len(a.identity.Registrations()))
		return notifyReady(a.logger)
	}}
	return errors.Join(runTasks(ctx, append(a.tasks, ready)), a.Close())
}

// openStores opens agent.db and cache.db. A cloned machine starts with neither
// the identity nor the credentials of its original.
func openStores(c common, o agentOptions, w world, keyring *seal.Keyring, logger *slog.Logger) (*agentHalf, error) {
	if o.sessionDuration < minSession || o.sessionDuration > maxSession {
		return nil, fmt.Errorf("--session-duration %s: want %s to %s", o.sessionDuration, minSession, maxSession)
	}
	identity, err := hold.OpenAgent(hold.AgentConfig{
		Path: c.path(agentFile), Keyring: keyring, Fingerprint: fingerprint(), Logger: logger.With("room", "hold"),
	})
	if err != nil {
		return nil, err
	}
	tokens, err := token.NewKeys(tokenKeys(identity)...)
	if err == nil && identity.Fresh() {
		err = discard(c.path(cacheFile))
	}
	var cache *hold.Cache
	if err == nil {
		cache, err = hold.OpenCache(hold.CacheConfig{Path: c.path(cacheFile), Keyring: keyring, Now: w.now, Logger: logger.With("room", "hold")})
	}
	if err != nil {
		return nil, errors.Join(err, identity.Close())
	}
	a := &agentHalf{
		world: w, options: o, logger: logger, started: w.now(), identity: identity, cache: cache,
		tokens: tokens, deeds: newDeeds(), link: newLink(), signatures: newSignatures(), pods: newPods(),
		planned: make(chan struct{}, 1), close: []func() error{identity.Close, cache.Close},
	}
	if err := a.openMetadata(); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	if c.sharesDisk() {
		a.notes = append(a.notes, "The keys lie on the same disk as the databases that they seal: whoever copies one copies both. Move the file and name it with --keys.")
	}
	return a, nil
}

// open brings up everything that serves the instances, and the tasks that keep it so.
// host is the machine itself, or the zero instance if it is none.
func (a *agentHalf) open(ctx context.Context, host rolestore.Instance) error {
	a.region = cmp.Or(host.Placement.Region, defaultRegion)
	enrolment, ok := a.identity.Enrolment()
	if !ok {
		return errors.New("this host is enrolled with no core: enrol it with `rolecall join`, or run `rolecall up` once")
	}
	client, endpoint, err := source.Dial(enrolment.Issuer, trustOf(enrolment))
	if err != nil {
		return err
	}
	a.core = source.NewCore(source.CoreConfig{
		Client: client, Endpoint: endpoint, Host: a.identity.HostID(), Key: a.identity.HostKey(),
		Core: enrolment.CoreID, Now: a.world.now,
	})
	a.rotator = rotate.New(rotate.Config{
		Source: source.NewWebIdentity(source.WebIdentityConfig{
			Client: client, Endpoint: endpoint, Host: a.identity.HostID(), Key: a.identity.HostKey(),
			Core: enrolment.CoreID, Lifetime: a.options.sessionDuration, Tags: a.clusters.tags, Now: a.world.now,
		}),
		Sink: a, Now: a.world.now, Recheck: a.world.recheck, Logger: a.logger.With("room", "rotate"),
	})
	if err := a.openNetwork(ctx, host); err != nil {
		return err
	}
	adminListener, err := listenUnix(ctx, a.options.adminSocket, true)
	if err != nil {
		return err
	}
	a.close = append(a.close, closed(adminListener))
	a.tasks = append(a.tasks,
		serve("metadata", a.imds, a.network.Listener()),
		serve("admin socket", admin.Server(a, a, a.logger.With("room", "admin")), adminListener),
		task{"rotation", a.rotator.Run},
		task{"events of the core", a.watchCore},
		task{"releases", a.releaseAll}, task{"identity documents", a.signAll},
		task{"watch of the network", a.network.Watch}, task{"watch of the instances' files", a.files.watch},
		task{"key sets of clusters", a.clusters.run}, task{"file of clusters", a.clusters.watch}, task{"pods", a.settlePods}, task{"events of instances", a.tellPlanned},
		task{"records", a.deeds.run},
		task{"clock", a.watchClock})
	return nil
}

// identify says which instance a connection belongs to: that of its attachment.
func (a *agentHalf) identify(c net.Conn) (string, bool) {
	conn, ok := c.(*network.Conn)
	if !ok {
		return "", false
	}
	return conn.Attachment(), true
}

// host is the instance that this machine itself is, and whether it is one.
func (a *agentHalf) host() (rolestore.Instance, bool) {
	for _, r := range a.identity.Registrations() {
		if r.Instance.Attachment.Host {
			return r.Instance, true
		}
	}
	return rolestore.Instance{}, false
}

// Close closes what was opened, the last first.
func (a *agentHalf) Close() error { return closeAll(a.close) }
