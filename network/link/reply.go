package link

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// replyMetric is what ip-route(8) gives IPv6 routes by default. All of ours have the
// same, see [Reply].
const replyMetric = 1024

// replySource are the sources of our answers: it holds [MetadataIPv6] and [PodIPv6],
// and no other address that anybody has.
var replySource = netip.MustParsePrefix("fd00:ec2::/116")

// Reply is the way back to the guest on a device for what is sent from an IPv6 address
// of ours. A socket that is bound to a device still needs an IPv6 route by
// it, whatever address the guest has (IPv4 takes the guest to be on the link). It is
// a default route for these sources alone, so it is for nobody else's packets.
//
// One thing would change for the host: where it has no other address of global
// scope, Linux takes ours for its own packets, deprecated or not (RFC 6724 section 5
// prefers scope to that), and the default route would lead them to a guest. So the
// first route is an unreachable one, of the same metric. A lookup that is for no
// device takes the first; one for a device takes that device's.
//
// The routes carry [Protocol], so all that are found are ours.
type Reply struct {
	// Device is the guest's. It has to be up, and have IPv6.
	Device string
}

// ReplyRoute returns the way back on a device, as it is wanted.
func ReplyRoute(device string) Thing { return Reply{Device: device} }

func (r Reply) what() what { return what{place: r, ours: true} }

func (r Reply) command(verb Verb) string {
	route := fmt.Sprintf("default from %s dev %%s metric %d proto %d", replySource, replyMetric, Protocol)
	if verb == Del {
		return "ip -6 route del " + fmt.Sprintf(route, r.Device)
	}
	return "ip -6 route replace unreachable " + fmt.Sprintf(route, loopback) +
		" && ip -6 route append " + fmt.Sprintf(route, r.Device)
}

func (r Reply) change(verb Verb) error {
	d, err := Find(r.Device)
	if err != nil {
		return err
	}
	if verb == Del {
		return leave(d.Index)
	}
	if !IPv6(r.Device) {
		return &IPv6OffError{Device: r.Device}
	}
	if err := refuseOthers(); err != nil {
		return sourceRoutes(err)
	}
	return sourceRoutes(reply(unix.RTM_NEWROUTE, unix.NLM_F_CREATE|unix.NLM_F_APPEND, d.Index, unix.RTN_UNICAST))
}

// leave removes the way back by a device, and what refuses others with the last.
func leave(index int) error {
	if err := reply(unix.RTM_DELROUTE, 0, index, unix.RTN_UNICAST); err != nil {
		return err
	}
	left, err := replies()
	if err != nil || len(left) != 1 || left[0].kind != unix.RTN_UNREACHABLE {
		return err
	}
	return reply(unix.RTM_DELROUTE, 0, left[0].device, unix.RTN_UNREACHABLE)
}

// refuseOthers puts the unreachable route first. A route that is replaced gives its
// place away: if that was a guest's, the guest gets a new one at the end.
func refuseOthers() error {
	have, err := replies()
	if err != nil || len(have) > 0 && have[0].kind == unix.RTN_UNREACHABLE {
		return err
	}
	lo, err := Find(loopback)
	if err != nil {
		return err
	}
	if err := reply(unix.RTM_NEWROUTE, unix.NLM_F_CREATE|unix.NLM_F_REPLACE, lo.Index, unix.RTN_UNREACHABLE); err != nil {
		return err
	}
	if len(have) == 0 {
		return nil
	}
	return reply(unix.RTM_NEWROUTE, unix.NLM_F_CREATE|unix.NLM_F_APPEND, have[0].device, unix.RTN_UNICAST)
}

// replies returns the first of our routes, in the kernel's order.
func replies() ([]route, error) {
	messages, err := glance(unix.RTM_GETROUTE, unix.RTM_NEWROUTE, unix.SizeofRtMsg,
		&nl.RtMsg{RtMsg: unix.RtMsg{Family: unix.AF_INET6, Table: unix.RT_TABLE_MAIN, Protocol: Protocol}})
	if err != nil {
		return nil, err
	}
	var found []route
	for _, m := range messages {
		if r := routeOf(m); r.from && r.protocol == Protocol {
			found = append(found, r)
		}
	}
	return found, nil
}

// replyBy reports whether a guest is answered by its device, and nobody else's
// packets leave by one of ours.
func replyBy(index int) (bool, error) {
	by, err := lookup(unassigned, MetadataIPv6, index)
	if err != nil || by.protocol != Protocol || by.device != index {
		return false, err
	}
	others, err := lookup(unassigned, MetadataIPv6, 0)
	return others.protocol != Protocol, err
}

// reply adds or removes one of the routes.
func reply(kind, flags, index int, of uint8) error {
	err := change(kind, flags,
		&nl.RtMsg{RtMsg: unix.RtMsg{
			Family: unix.AF_INET6, Src_len: uint8(replySource.Bits()),
			Table: unix.RT_TABLE_MAIN, Protocol: Protocol, Type: of,
		}},
		nl.NewRtAttr(unix.RTA_SRC, replySource.Addr().AsSlice()),
		nl.NewRtAttr(unix.RTA_PRIORITY, nl.Uint32Attr(replyMetric)),
		oif(index))
	if kind == unix.RTM_DELROUTE {
		return ignore(unix.ESRCH, err)
	}
	return ignore(unix.EEXIST, err)
}

// sourceRoutes says what a kernel lacks that takes no route for some sources only.
func sourceRoutes(err error) error {
	if errors.Is(err, unix.EINVAL) {
		return fmt.Errorf("%w: IPv6 guests need a kernel with source-specific routes (CONFIG_IPV6_SUBTREES); attach them without IPv6", err)
	}
	return err
}
