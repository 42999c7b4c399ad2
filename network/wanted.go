package network

import (
	"bytes"
	"net"
	"net/netip"
	"slices"

	"github.com/rolecall/rolecall/network/link"
	"github.com/rolecall/rolecall/network/steer"
)

// Phase says how far an attachment is.
type Phase string

// The phases. An attachment that is waiting or failed is looked at again whenever
// something changes.
const (
	// Waiting is for a device or a namespace that is not there yet.
	Waiting Phase = "waiting"
	// Attached is when requests are taken.
	Attached Phase = "attached"
	// Failed is when the device is there and cannot be served; Reason says why.
	Failed Phase = "failed"
	// Lost is when what the attachment was bound to is gone. It stays lost until it
	// is put again.
	Lost Phase = "lost"
)

// Status is what became of an attachment.
type Status struct {
	Phase Phase
	// Reason is why it is not attached.
	Reason string
	// Served are the addresses that the instance finds us at.
	Served []netip.AddrPort
	// TurnedAway counts the connections that were closed at once, as the attachment had
	// as many open as one may or, on a bridge, they came too often.
	TurnedAway uint64
}

// Observer is told what happens to attachments after [State.Put]. Its methods must
// neither block nor call the State.
type Observer interface {
	// Attached says that an attachment is served, and by what it is bound: a
	// device of that name that comes later is another one.
	Attached(name string, b Bound)
	// Lost says that what the attachment was bound to is gone, and that the
	// attachment with its connections ended. Those that Follow are not told.
	Lost(name, why string)
}

// wanted is an attachment as long as it is wanted.
type wanted struct {
	Attachment
	connections connections

	phase  Phase
	reason string // of every phase but Attached
	err    error  // of the phase Failed
	told   Phase  // what the observer knows

	place   *place   // where its namespace is there
	stand   *stand   // where it is served, or waits to be
	guarded []string // the devices that are guarded for it: its own or its port, and what that was renamed to
	member  *admission
	outside *place   // where the host's ends of its namespace's devices lie
	ends    []string // their names, guarded there
	unwatch func()   // ends the watch of its namespace's process
}

// admission is what was made for a member of a bridge.
type admission struct {
	members []steer.Member
	had     []link.Thing // its addresses, pinned to its MAC
	undo    []link.Op
}

// accepts reports whether b will do.
func (w *wanted) accepts(b Bound) bool { return w.Follow || w.Bound == Bound{} || w.Bound == b }

func (w *wanted) wait(reason string) { w.phase, w.reason, w.err = Waiting, reason, nil }
func (w *wanted) lose(reason string) { w.phase, w.reason, w.err = Lost, reason, nil }
func (w *wanted) fail(err error)     { w.phase, w.reason, w.err = Failed, err.Error(), err }
func (w *wanted) attached(b Bound)   { w.phase, w.reason, w.err, w.Bound = Attached, "", nil, b }

func (w *wanted) status() Status {
	status := Status{Phase: w.phase, Reason: w.reason, TurnedAway: w.connections.away()}
	if w.phase == Attached {
		for _, d := range w.stand.doors {
			if bound, ok := d.Addr().(*net.TCPAddr); ok && !w.manages() {
				status.Served = append(status.Served, bound.AddrPort()) // of port 0, the one that was found
			}
		}
		if w.manages() {
			status.Served = slices.Clone(w.stand.served)
		}
	}
	return status
}

// sameWay reports whether requests arrive by the same way for both, though perhaps
// at other addresses.
func (a Attachment) sameWay(b Attachment) bool {
	if a.Device != b.Device || a.Netns != b.Netns || a.manages() != b.manages() || (a.Member == nil) != (b.Member == nil) {
		return false
	}
	if !a.manages() && a.Served[0] != b.Served[0] {
		return false
	}
	return a.Member == nil || a.Member.Port == b.Member.Port && bytes.Equal(a.Member.MAC, b.Member.MAC) && slices.Equal(a.Member.Addrs, b.Member.Addrs)
}
