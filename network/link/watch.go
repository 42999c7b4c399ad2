package link

import (
	"context"
	"fmt"

	"github.com/vishvananda/netlink"
)

// Changes returns a channel that tells of changes of addresses in the calling
// thread's network namespace, from now on and until ctx ends. Several changes may
// be told as one. It is closed when the kernel had more to tell than its socket
// holds (ENOBUFS, netlink(7)), so that some were lost: then look at everything,
// and ask for another.
func Changes(ctx context.Context) (<-chan struct{}, error) {
	updates := make(chan netlink.AddrUpdate)
	if err := netlink.AddrSubscribe(updates, ctx.Done()); err != nil {
		return nil, fmt.Errorf("watch the addresses: %w", err)
	}
	changes := make(chan struct{}, 1)
	go func() {
		defer close(changes)
		for range updates { // closed by netlink, at the end and after an error
			select {
			case changes <- struct{}{}:
			default: // one is waiting already
			}
		}
	}()
	return changes, nil
}
