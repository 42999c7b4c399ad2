package network_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/rolecall/rolecall/network"
	"github.com/rolecall/rolecall/network/nettest"
)

// TestEverythingAtOnce puts and removes instances, by two callers each, while they ask and
// somebody flushes the tables. Nobody is ever told another's name, and nothing is left.
// Most of what it can find is found by the race detector.
func TestEverythingAtOnce(t *testing.T) {
	host := nettest.New(t)
	newBridge(t, host)
	state, _ := watched(t, host)
	guests := map[string]*nettest.Namespace{}
	ways := map[string][]network.Attachment{}
	for i := range 3 {
		name, device, container := fmt.Sprintf("i-%d", i), fmt.Sprintf("tap%d", i), nettest.New(t)
		guests[name] = newGuest(t, host, device, "10.0.1.5/24", "fd00::5/64")
		ways[name] = []network.Attachment{
			network.Interface(name, "", device, true), network.Interface(name, "", device, false), network.Netns(name, container.Path(), false),
		}
	}
	for i := 5; i < 7; i++ {
		guest, a := newMember(t, host, i)
		guests[a.Name], ways[a.Name] = guest, []network.Attachment{a}
	}
	all := func() string { return everything(t, host) + host.Run(t, "nft", "list", "ruleset") }
	fresh := all()
	var putting, others sync.WaitGroup
	ctx, stop := context.WithCancel(t.Context())
	for name, guest := range guests {
		for caller := range 2 {
			putting.Go(func() {
				for n := range 10 {
					_ = state.Put(t.Context(), ways[name][(n+caller)%len(ways[name])], nil) // or somebody has just flushed the tables
					if n%5 == 4 {
						state.Remove(name)
					}
				}
			})
		}
		others.Go(func() {
			for ctx.Err() == nil {
				if told, err := ask(t, guest, metadata[0]); err == nil && told != "" && told != name {
					t.Errorf("%s was told %q", name, told)
				}
			}
		})
	}
	others.Go(func() {
		for ctx.Err() == nil {
			host.Run(t, "nft", "flush", "ruleset")
			if _, err := state.Refused(); err != nil {
				t.Error(err)
			}
		}
	})
	putting.Wait()
	stop()
	others.Wait()
	for name := range guests {
		state.Remove(name)
	}
	eventually(t, "the network as it was", func() bool { return all() == fresh })
}
