package steer

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strconv"

	"github.com/mdlayher/netlink"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// Changes returns a channel that tells of changes to nf_tables by other processes,
// in the calling thread's network namespace, from now on and until ctx ends. Then
// it is closed, and the socket, which keeps the namespace, is released at once.
// Several changes may be told as one. That the kernel had more to tell than the
// socket holds (ENOBUFS, netlink(7)) is told as a change. Any other error closes the
// channel: look at everything, and ask for another.
func Changes(ctx context.Context) (<-chan struct{}, error) {
	socket, err := netlink.Dial(unix.NETLINK_NETFILTER, nil)
	if err != nil {
		return nil, fmt.Errorf("watch nf_tables: %w", err)
	}
	// One message says that there is a new generation, after those of all that is
	// new in it. It is enough, so a change of 10,000 elements is one message too.
	err = errors.Join(socket.SetBPF(only(newGeneration)), socket.JoinGroup(unix.NFNLGRP_NFTABLES))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("watch nf_tables: %w", explain(err)), socket.Close())
	}
	changes := make(chan struct{}, 1)
	release := context.AfterFunc(ctx, func() { _ = socket.Close() })
	go func() {
		defer close(changes)
		defer func() {
			if release() {
				_ = socket.Close()
			}
		}()
		for {
			messages, err := socket.Receive()
			if err != nil && !errors.Is(err, unix.ENOBUFS) {
				return
			}
			if err == nil && ours(messages) {
				continue
			}
			select {
			case changes <- struct{}{}:
			default: // one is waiting already
			}
		}
	}()
	return changes, nil
}

// newGeneration is the type of the message that ends a transaction.
const newGeneration = unix.NFNL_SUBSYS_NFTABLES<<8 | unix.NFT_MSG_NEWGEN

// only is a socket filter for netlink messages of one type (netlink(7)): the type
// is the second field of the header, in the host's order; the filter loads as the
// network has it.
func only(kind uint16) []bpf.RawInstruction {
	swapped := binary.BigEndian.Uint16(binary.NativeEndian.AppendUint16(nil, kind))
	program, err := bpf.Assemble([]bpf.Instruction{
		bpf.LoadAbsolute{Off: 4, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: uint32(swapped), SkipFalse: 1},
		bpf.RetConstant{Val: 1<<32 - 1},
		bpf.RetConstant{Val: 0},
	})
	if err != nil {
		panic(err) // the program is a constant
	}
	return program
}

// ours reports whether this process made all the changes. The kernel tells the
// thread's number and name. In a PID namespace of our own the number is another's,
// so both must fit; if in doubt, the change is somebody else's.
func ours(messages []netlink.Message) bool {
	for _, m := range messages {
		thread, name, err := author(m.Data)
		if err != nil {
			return false
		}
		comm, err := os.ReadFile("/proc/self/task/" + strconv.FormatUint(uint64(thread), 10) + "/comm")
		if err != nil || !bytes.Equal(bytes.TrimSuffix(comm, []byte("\n")), name) {
			return false
		}
	}
	return true
}

// author returns the thread that made a generation, from the message's attributes,
// which follow 4 bytes of header (linux/netfilter/nfnetlink.h).
func author(data []byte) (thread uint32, name []byte, err error) {
	if len(data) < 4 {
		return 0, nil, errors.New("the message has no header")
	}
	attributes, err := netlink.UnmarshalAttributes(data[4:])
	if err != nil {
		return 0, nil, err
	}
	for _, a := range attributes {
		switch a.Type {
		case unix.NFTA_GEN_PROC_PID:
			if len(a.Data) == 4 {
				thread = binary.BigEndian.Uint32(a.Data)
			}
		case unix.NFTA_GEN_PROC_NAME:
			name, _, _ = bytes.Cut(a.Data, []byte{0})
		}
	}
	return thread, name, nil
}
