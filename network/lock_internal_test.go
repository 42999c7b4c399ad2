package network

import (
	"context"
	"errors"
	"log/slog"
	"os/exec"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rolecall/rolecall/network/nettest"
)

// TestAnAgentNeedNotBeRoot to be known by another agent of the same user.
func TestAnAgentNeedNotBeRoot(t *testing.T) {
	const nobody, same = 65534, ^uintptr(0)
	as := func(user uintptr) { // this thread alone, see setresuid(2)
		if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, same, user, same); errno != 0 {
			t.Fatal(errno)
		}
	}
	nettest.New(t).Do(func() {
		as(nobody)
		defer as(0)
		n := &namespace{}
		first, err := n.takeLock(slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		defer first.release()
		second, err := n.takeLock(slog.New(slog.DiscardHandler))
		if _, held := errors.AsType[*heldError](err); !held {
			t.Errorf("a second lock: %v, %v", second, err)
		}
	})
}

// TestALockIsFreeOnceItIsReleased although processes are started all the time, which have
// the descriptors of this one for a moment.
func TestALockIsFreeOnceItIsReleased(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var starting sync.WaitGroup
	defer starting.Wait()
	defer cancel()
	for range 4 {
		starting.Go(func() {
			for ctx.Err() == nil {
				_ = exec.CommandContext(ctx, "true").Run()
			}
		})
	}
	nettest.New(t).Do(func() {
		for range 500 {
			l, err := new(namespace).takeLock(slog.New(slog.DiscardHandler))
			if err != nil || l == nil {
				t.Fatal(l, err)
			}
			l.release()
		}
	})
}
