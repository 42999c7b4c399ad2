package network

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/rolecall/rolecall/network/link"
)

const (
	// loopback is the device that the requests of a whole namespace arrive on.
	loopback = "lo"
	// metadataPort is where SDKs look for EC2's metadata.
	metadataPort = 80
)

// Member is what the kernel knows one of several instances on a bridge by. Packets
// for the metadata addresses that differ in any of it are dropped.
type Member struct {
	// Port is the name of the bridge's port behind which the instance is.
	Port string
	// MAC is the source address of its frames.
	MAC net.HardwareAddr
	// Addrs are its IP addresses: at least one, at most one of each family.
	Addrs []netip.Addr
}

// Attachment is a way by which requests arrive. Get one by [Host], [Loopback],
// [Interface], [Netns] or [Bridge].
type Attachment struct {
	// Name is what connections are told apart by; unique among the wanted.
	Name string
	// Device is what the listeners are bound to.
	Device string
	// Netns is the path of the network namespace that the device lies in; empty for
	// the agent's own.
	Netns string
	// Member is set if Device is a bridge.
	Member *Member
	// Served are what the instance dials; at least one. They are port 80 of metadata
	// addresses ([link.Served]), which are put on the device, or else one loopback
	// address.
	Served []netip.AddrPort
	// Bound, if not zero, is the only device or namespace of that name that will do.
	Bound Bound
	// Follow lets whatever has the name take the place of what had it before.
	Follow bool
}

// Host attaches the machine itself at 169.254.169.254:80 and, where ipv6 is set
// and lo has IPv6 when applied, at [fd00:ec2::254]:80.
func Host(name string, ipv6 bool) Attachment {
	return Attachment{Name: name, Device: loopback, Served: metadata(ipv6), Follow: true}
}

// Loopback attaches the machine itself at a loopback address, such as
// 127.0.0.1:1338, which needs neither an address nor a privilege. Port 0 is any
// free one. Other addresses are refused.
func Loopback(name string, listen netip.AddrPort) (Attachment, error) {
	listen = netip.AddrPortFrom(listen.Addr().Unmap(), listen.Port())
	if !listen.Addr().IsLoopback() {
		return Attachment{}, fmt.Errorf(
			"listen on %s: whoever reaches this address would get this machine's role; choose a loopback address, as in --listen 127.0.0.1:1338", listen)
	}
	return Attachment{Name: name, Device: loopback, Served: []netip.AddrPort{listen}, Follow: true}, nil
}

// Interface attaches the one instance behind a device, such as a tap or the host's
// end of a veth pair. netns is empty, or the path of the namespace that the device
// lies in.
func Interface(name, netns, device string, ipv6 bool) Attachment {
	return Attachment{Name: name, Netns: netns, Device: device, Served: metadata(ipv6)}
}

// Netns attaches everything in a network namespace, which is one container's, from
// the inside.
func Netns(name, netns string, ipv6 bool) Attachment {
	return Attachment{Name: name, Netns: netns, Device: loopback, Served: metadata(ipv6)}
}

// Bridge attaches one of several instances behind a bridge.
func Bridge(name, bridge string, m Member, ipv6 bool) Attachment {
	return Attachment{Name: name, Device: bridge, Member: &m, Served: metadata(ipv6)}
}

func metadata(ipv6 bool) []netip.AddrPort {
	served := []netip.AddrPort{netip.AddrPortFrom(link.MetadataIPv4, metadataPort)}
	if ipv6 {
		served = append(served, netip.AddrPortFrom(link.MetadataIPv6, metadataPort))
	}
	return served
}

// manages reports whether the attachment needs anything of the network at all. The
// kernel keeps 127.0.0.1 and ::1 on lo by itself.
func (a Attachment) manages() bool { return !a.Served[0].Addr().IsLoopback() }

// guest reports whether requests come from elsewhere than the namespace that the
// listener sits in, so that they could be forwarded past us.
func (a Attachment) guest() bool { return a.Device != loopback }

// isHost reports whether it is the machine itself that asks.
func (a Attachment) isHost() bool { return !a.guest() && a.Netns == "" }

// forContainers reports whether it is served at another address than EC2's.
func (a Attachment) forContainers() bool {
	return slices.ContainsFunc(a.Served, func(s netip.AddrPort) bool {
		return s.Addr() != link.MetadataIPv4 && s.Addr() != link.MetadataIPv6
	})
}

// check reports an attachment that makes no sense on any host.
func (a Attachment) check() error {
	if a.Name == "" || a.Device == "" || len(a.Served) == 0 {
		return fmt.Errorf("attachment %q: want a name, a device and an address to be served at", a.Name)
	}
	for _, served := range a.Served {
		switch addr := served.Addr(); {
		case addr.IsLoopback() && (a.guest() || len(a.Served) > 1):
			return fmt.Errorf("attachment %s: %s is reached on %s alone, not on %s, and goes with no other address", a.Name, addr, loopback, a.Device)
		case !addr.IsLoopback() && (!slices.Contains(link.Served(), addr) || served.Port() != metadataPort):
			return fmt.Errorf("attachment %s: %s is neither port %d of a metadata address nor a loopback address", a.Name, served, metadataPort)
		}
	}
	if m := a.Member; m != nil && (m.Port == "" || len(m.MAC) != 6 || len(m.Addrs) == 0) {
		return fmt.Errorf("attachment %s: a member of bridge %s is known by port, MAC and IP address", a.Name, a.Device)
	}
	return nil
}

// claims are what no other attachment may have at the same time, in words. place
// names the namespace.
func (a Attachment) claims() []string {
	in := ""
	if a.Netns != "" {
		in = " in " + a.Netns
	}
	if a.Member == nil {
		if !a.manages() {
			return []string{"address " + a.Served[0].String()}
		}
		return []string{"device " + a.Device + in}
	}
	var claims []string
	for _, addr := range a.Member.Addrs {
		claims = append(claims, "address "+addr.String()+" on bridge "+a.Device+in)
	}
	return claims
}

// ErrClaimed is returned for an attachment that belongs to another.
var ErrClaimed = errors.New("belongs to another instance")
