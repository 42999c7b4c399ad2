package steer

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/nftables"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"github.com/rolecall/rolecall/network/link"
	"github.com/rolecall/rolecall/network/nettest"
)

// Kernels without a part of nf_tables are rare where tests run, so this is of what
// they answer.
func TestErrorsSayWhatToDo(t *testing.T) {
	for _, c := range []struct {
		err  error
		says string
	}{
		{made(fmt.Errorf("netlink: %w", unix.ENOENT)), "CONFIG_NF_TABLES_BRIDGE"},
		{made(fmt.Errorf("netlink: %w", unix.EAFNOSUPPORT)), "load the modules nf_tables"},
		{made(unix.EEXIST), "rolecall cleanup"},
		{made(unix.EBUSY), "nft delete table"},
		{made(unix.ENOMEM), "make the nftables tables"},
		{made(explain(unix.EPERM)), "CAP_NET_ADMIN"},
	} {
		if !strings.Contains(c.err.Error(), c.says) {
			t.Errorf("%v does not say %q", c.err, c.says)
		}
	}
	var missing *link.CapabilityError
	if err := made(explain(unix.EPERM)); !errors.As(err, &missing) || !errors.Is(err, unix.EPERM) {
		t.Errorf("%v is no *link.CapabilityError", err)
	}
	if made(nil) != nil {
		t.Error("no error became one")
	}
	for _, err := range []error{unix.EINVAL, unix.EPROTONOSUPPORT, unix.EOPNOTSUPP} {
		if !unsupported(fmt.Errorf("dial: %w", err)) {
			t.Errorf("%v is no sign of a kernel without nf_tables", err)
		}
	}
	if unsupported(unix.EPERM) || unsupported(nil) {
		t.Error("another error is taken for a kernel without nf_tables")
	}
}

func TestOurOwnChangesAreKnownFromOthers(t *testing.T) {
	ns := nettest.New(t)
	ns.Do(func() {
		socket, err := netlink.Dial(unix.NETLINK_NETFILTER, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = socket.Close() }()
		if err := errors.Join(socket.SetBPF(only(newGeneration)), socket.JoinGroup(unix.NFNLGRP_NFTABLES)); err != nil {
			t.Fatal(err)
		}
		if err := New().Ensure(); err != nil {
			t.Fatal(err)
		}
		if messages, err := socket.Receive(); err != nil || len(messages) != 1 || !ours(messages) {
			t.Errorf("our change is %v, %v", messages, err)
		}
		ns.Run(t, "nft", "flush", "ruleset")
		if messages, err := socket.Receive(); err != nil || len(messages) != 1 || ours(messages) {
			t.Errorf("another's change is %v, %v", messages, err)
		}
	})
}

// TestKernelsThatAddNoDeviceToAChain answer EINVAL to a chain without one.
func TestKernelsThatAddNoDeviceToAChain(t *testing.T) {
	for answer, want := range map[error]bool{nil: true, fmt.Errorf("netlink: %w", unix.EINVAL): false} {
		if got, err := sharing(answer); got != want || err != nil {
			t.Errorf("after %v, devices share chains: %t, %v", answer, got, err)
		}
	}
	for answer, want := range map[error]error{unix.EPERM: unix.EPERM, unix.EOPNOTSUPP: ErrKernel} {
		if _, err := sharing(answer); !errors.Is(err, want) {
			t.Errorf("%v became %v", answer, err)
		}
	}
}

// TestAListThatIsAlwaysInterruptedIsAnError, as nothing can be told by it.
func TestAListThatIsAlwaysInterruptedIsAnError(t *testing.T) {
	parts := []netlink.Message{{}, {Header: netlink.Header{Flags: netlink.Multi | netlink.DumpInterrupted}}}
	asked := 0
	ask := func() ([]netlink.Message, error) {
		asked++
		return parts, nil
	}
	if found, err := wholeList(ask); !errors.Is(err, errInterrupted) || found != nil || asked != listAttempts {
		t.Errorf("after %d attempts: %v, %v", asked, found, err)
	}
}

// TestASetThatTheKernelResizesIsAskedForAgain, as a list of it leaves out as many as it
// tells twice.
func TestASetThatTheKernelResizesIsAskedForAgain(t *testing.T) {
	a, b := nftables.SetElement{Key: []byte("a")}, nftables.SetElement{Key: []byte("b")}
	for resized := range listAttempts + 1 {
		asked := 0
		found, err := wholeSet(func() ([]nftables.SetElement, error) {
			if asked++; asked <= resized {
				return []nftables.SetElement{a, a}, nil
			}
			return []nftables.SetElement{a, b}, nil
		})
		switch {
		case resized < listAttempts && (err != nil || len(found) != 2 || asked != resized+1):
			t.Errorf("after %d attempts: %v, %v", asked, found, err)
		case resized == listAttempts && (!errors.Is(err, errResized) || found != nil || asked != listAttempts):
			t.Errorf("after %d attempts in vain: %v, %v", asked, found, err)
		}
	}
}
