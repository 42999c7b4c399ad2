package steer_test

import (
	"bytes"
	"context"
	"testing"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"github.com/rolecall/rolecall/network/nettest"
	"github.com/rolecall/rolecall/network/steer"
)

func watch(t *testing.T, ns *nettest.Namespace) (<-chan struct{}, context.CancelFunc) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var changes <-chan struct{}
	in(t, ns, func() (err error) { changes, err = steer.Changes(ctx); return err })
	return changes, cancel
}

func TestChangesTellsWhatOthersDo(t *testing.T) {
	ns := nettest.New(t)
	changes, cancel := watch(t, ns)
	in(t, ns, steer.New().Ensure)
	for range 3 {
		ns.Run(t, "nft", "flush", "ruleset")
		if _, ok := <-changes; !ok {
			t.Fatal("closed")
		}
		in(t, ns, steer.New().Ensure)
	}
	cancel()
	for range changes { // until it is closed
	}
}

func TestChangesReleasesTheNamespaceAtOnce(t *testing.T) {
	home := nettest.New(t)
	var cancel context.CancelFunc
	t.Run("inside", func(t *testing.T) {
		ns := nettest.New(t)
		nettest.Veth(t, nettest.End{Namespace: home, Device: "peer"}, nettest.End{Namespace: ns, Device: "eth0"})
		ctx, end := context.WithCancel(context.Background())
		cancel = end
		in(t, ns, func() error { _, err := steer.Changes(ctx); return err })
	})
	home.Run(t, "ip", "link", "show", "peer")
	cancel()
	eventually(t, "the namespace is gone, and its device", func() bool {
		return home.Command(t.Context(), "ip", "link", "show", "peer").Run() != nil
	})
}

func TestReplaceDoesNothingWhereNothingDiffers(t *testing.T) {
	ns := nettest.New(t)
	replace(t, ns, some())
	var socket *netlink.Conn
	in(t, ns, func() (err error) {
		if socket, err = netlink.Dial(unix.NETLINK_NETFILTER, nil); err != nil {
			return err
		}
		return socket.JoinGroup(unix.NFNLGRP_NFTABLES)
	})
	defer func() { _ = socket.Close() }()
	in(t, ns, func() error { return steer.New().Replace(some()) })
	ns.Run(t, "nft", "add table ip theirs")
	messages, err := socket.Receive()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(messages[0].Data, []byte("theirs")) {
		t.Errorf("the first change is %v", messages[0])
	}
}
