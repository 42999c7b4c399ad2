package steer

import (
	"errors"
	"fmt"
	"time"

	"github.com/google/nftables"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"github.com/rolecall/rolecall/network/link"
)

const (
	// answerTimeout bounds the wait for the kernel's answers. It sends fewer than
	// there were messages if it runs out of memory or knows no nf_tables. A
	// transaction of 100,000 elements takes about a second.
	answerTimeout = 30 * time.Second

	// socketBuffer bounds a transaction and its answers, in bytes. The kernel takes
	// a transaction whole, at about 300 bytes for a member. It is a limit: nothing
	// is set aside.
	socketBuffer = 64 << 20
)

// ErrAbsent is returned for a change to tables that are not there, because nobody
// has called [Guard.Ensure] or because somebody removed them (nft flush ruleset).
var ErrAbsent = errors.New("our nftables tables are not there or not whole")

// open returns a connection for questions, and what closes it.
func open() (*nftables.Conn, func(), error) {
	return dial(func(*netlink.Conn) error { return nil })
}

// dial opens a socket in the namespace of the calling thread. The socket is closed
// when the kernel has not answered in time, so that nobody waits for ever.
func dial(prepare func(*netlink.Conn) error) (*nftables.Conn, func(), error) {
	var watchdog *time.Timer
	cc, err := nftables.New(nftables.AsLasting(), nftables.WithSockOptions(func(socket *netlink.Conn) error {
		watchdog = time.AfterFunc(answerTimeout, func() { _ = socket.Close() })
		return errors.Join(
			socket.SetOption(netlink.ExtendedAcknowledge, true),
			prepare(socket))
	}))
	if err != nil {
		return nil, nil, fmt.Errorf("open a netlink socket for nf_tables: %w", explain(err))
	}
	return cc, func() {
		watchdog.Stop()
		_ = cc.CloseLasting()
	}, nil
}

// transact makes the changes that build adds to a connection: all, or none.
func transact(build func(*nftables.Conn) error) error {
	cc, done, err := dial(func(socket *netlink.Conn) error {
		return errors.Join(socket.SetReadBuffer(socketBuffer), socket.SetWriteBuffer(socketBuffer))
	})
	if err != nil {
		return err
	}
	defer done()
	if err := build(cc); err != nil {
		return err
	}
	return explain(cc.Flush())
}

// explain names the capability that is missing, and adds nothing to other errors.
func explain(err error) error { return link.Denied(link.NetAdmin, err) }

// unsupported reports whether the kernel says by err that it has no nf_tables at
// all: no such protocol, no such subsystem, or not this request.
func unsupported(err error) bool {
	return errors.Is(err, unix.EPROTONOSUPPORT) || errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EOPNOTSUPP)
}

// ErrKernel is returned where the kernel lacks a part that we need.
var ErrKernel = errors.New("the kernel lacks a part of nf_tables: load the modules nf_tables, nft_ct, nft_reject_inet and bridge, " +
	"or use a kernel with CONFIG_NF_TABLES, CONFIG_NF_TABLES_INET, CONFIG_NF_TABLES_BRIDGE, CONFIG_NFT_CT and CONFIG_NFT_REJECT")

func lacking(err error) error { return fmt.Errorf("%w: %w", ErrKernel, err) }

// errForeign adds the remedy for a table of our name that is not as we make it.
func errForeign(family string, what any) error {
	return fmt.Errorf("nftables table %s %s is not as we make it: %v: run `rolecall cleanup`, or, if another program made it, "+
		"delete it by `nft delete table`", family, tableName, what)
}
