package network

import (
	"errors"
	"os"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rolecall/rolecall/network/nettest"
)

// TestANamespaceIsClosedWhileOthersEnter enters namespaces that are closed and whose
// descriptors' numbers are used again at the same time: whoever gets in is in the right
// one. With the race detector it fails where the descriptor is not held.
func TestANamespaceIsClosedWhileOthersEnter(t *testing.T) {
	ns, other := nettest.New(t), nettest.New(t)
	for range 100 {
		n, err := openNamespace(ns.Path())
		if err != nil {
			t.Fatal(err)
		}
		var together sync.WaitGroup
		together.Go(func() {
			n.close()
			if file, err := os.Open(other.Path()); err == nil {
				_ = file.Close()
			}
		})
		together.Go(func() {
			err := n.do(func() error {
				var here unix.Stat_t
				if err := unix.Stat(threadNetns, &here); err != nil || here.Ino != n.inode {
					t.Errorf("inside of %d, want %d: %v", here.Ino, n.inode, err)
				}
				return nil
			})
			if err != nil && !errors.Is(err, os.ErrClosed) {
				t.Error(err)
			}
		})
		together.Wait()
	}
}
