package main

import (
	"context"
	"fmt"
	"net"
	"net/netip"

	"golang.org/x/sync/errgroup"

	"github.com/rolecall/rolecall/network"
	"github.com/rolecall/rolecall/rolestore"
	"github.com/rolecall/rolecall/rolestore/rotate"
)

// put serves an instance, from the store at once if the store knows its
// credentials.
func (a *agentHalf) put(i rolestore.Instance) {
	a.host = i
	a.imds.Put(i)
	schedule := rotate.Schedule{}
	if c, ok := a.cache.Get(i); ok {
		schedule = rotate.Resume(i.ID, c)
		a.imds.Publish(i, c) // even past its expiry, as EC2 does
		if c.Left(a.world.now()) > 0 {
			a.first.Do(func() { close(a.ready) })
		}
	}
	a.rotator.Put(i, schedule)
}

// attach brings up the addresses and listeners of the attachment "host".
func (a *agentHalf) attach(ctx context.Context, o agentOptions) error {
	attachment, err := o.attachment(ctx)
	if err != nil {
		return err
	}
	listeners, err := a.network.Apply(ctx, []network.Attachment{attachment})
	if err != nil {
		return err
	}
	a.close = append(a.close, func() error { return a.network.Close(o.keepNetwork) })
	for _, l := range listeners {
		a.tasks = append(a.tasks, serve("metadata on "+l.Addr().String(), a.imds, l))
		if address, ok := l.Addr().(*net.TCPAddr); ok {
			a.served = append(a.served, baseURL(address.AddrPort()))
		}
	}
	return nil
}

// attachment is the way by which the host's own requests are to arrive.
func (o agentOptions) attachment(ctx context.Context) (network.Attachment, error) {
	if o.listen != "" {
		address, err := netip.ParseAddrPort(o.listen)
		if err != nil {
			return network.Attachment{}, fmt.Errorf("--listen %q: want ADDRESS:PORT, as in 127.0.0.1:1338", o.listen)
		}
		return network.Loopback(address)
	}
	host := network.Host(true)
	if o.takeOver {
		return host, nil
	}
	var probes errgroup.Group // side by side: a probe that nobody answers takes its time
	for _, e := range host.Endpoints {
		probes.Go(func() error {
			if network.Probe(ctx, e.Served) {
				return fmt.Errorf("another service answers at %s: this may be a cloud's own metadata, "+
					"which programs here would lose; serve in its place with --take-over, or elsewhere with --listen 127.0.0.1:1338", e.Served)
			}
			return nil
		})
	}
	return host, probes.Wait()
}
