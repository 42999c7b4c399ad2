package main

import (
	"context"
	"fmt"
	"os"

	"golang.org/x/sync/errgroup"

	"github.com/rolecall/rolecall/network"
	"github.com/rolecall/rolecall/rolestore"
	"github.com/rolecall/rolecall/rolestore/hold"
)

// openNetwork attaches the host, which must succeed, and all instances that are on
// record or in files, which may have to wait.
func (a *agentHalf) openNetwork(ctx context.Context, host rolestore.Instance) error {
	hostWay := false
	if host.ID == "" || a.options.listen != "" {
		var err error
		if hostWay, err = network.Answers(ctx); err != nil {
			return err
		}
	} else if !a.options.takeOver {
		if err := nobodyElse(ctx); err != nil {
			return err
		}
	}
	if err := a.options.checkPort(); err != nil {
		return err
	}
	var err error
	a.network, err = network.New(network.Config{
		Logger: a.logger.With("room", "network"), Observer: a, HostWay: hostWay,
		Mode: a.options.portMode, Port: a.options.port,
		Connections: int(a.options.requestRate), Now: a.world.now,
	})
	if err != nil {
		return err
	}
	a.close = append(a.close, func() error { return a.network.Close(a.options.keepNetwork) })
	if host.ID != "" {
		if err := a.put(ctx, hold.Registration{Instance: host}); err != nil {
			return err
		}
	}
	for _, r := range a.identity.Registrations() {
		if r.Instance.ID == host.ID {
			continue
		}
		if err := a.restore(ctx, r); err != nil {
			return fmt.Errorf("instance %s: %w", r.Instance.ID, err)
		}
	}
	a.files = newInstanceFiles(a)
	a.files.load(ctx)
	return nil
}

// checkPort refuses a port that others have a claim to.
func (o agentOptions) checkPort() error {
	if o.port == 0 || o.port == 80 {
		return fmt.Errorf("--port %d: want a port of our own, as in --port %d; to listen on port 80 itself there is --port-mode direct", o.port, network.DefaultPort)
	}
	clients, _ := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range") // if not, we see when we listen
	var first, last uint16
	if _, err := fmt.Sscan(string(clients), &first, &last); err == nil && first <= o.port && o.port <= last {
		return fmt.Errorf("--port %d: the kernel gives this port to clients (net.ipv4.ip_local_port_range is %d to %d), and any of them could have it before us: choose another, as in --port %d",
			o.port, first, last, network.DefaultPort)
	}
	return nil
}

// nobodyElse refuses to serve the host where somebody answers it already.
func nobodyElse(ctx context.Context) error {
	var probes errgroup.Group // side by side: a probe that nobody answers takes its time
	for _, at := range network.Host("host", true).Served {
		probes.Go(func() error {
			if network.Probe(ctx, at) {
				return fmt.Errorf("another service answers at %s: this may be a cloud's own metadata, "+
					"which programs here would lose; serve in its place with --take-over, or elsewhere with --listen 127.0.0.1:1338", at)
			}
			return nil
		})
	}
	return probes.Wait()
}
