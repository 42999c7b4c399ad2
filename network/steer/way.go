package steer

import (
	"net/netip"

	"github.com/rolecall/rolecall/network/link"
)

// Mode is how a request for port 80 of a metadata address comes to our listener.
type Mode string

// The modes. Whichever it is, a web server on port 80 of all addresses keeps what is
// for its other addresses; only with Direct it cannot start, as both listeners exclude
// each other.
const (
	// Direct is a listener at port 80 of each address.
	Direct Mode = "direct"
	// Rewrite changes the port after everybody else has seen the request, and before
	// anybody else sees the answer. So to firewalls, and to connection tracking, it is
	// port 80; the packets keep their TTL, and nothing is tracked for our sake.
	Rewrite Mode = "rewrite"
	// NAT is destination NAT, with a zone of connection tracking for each device.
	// Everybody behind the hook prerouting sees the listener's port.
	NAT Mode = "nat"
)

// Way is where our listeners sit, and for which addresses.
type Way struct {
	Mode Mode
	// Port is the listeners', but for Direct, where it is metadataPort.
	Port uint16
	// Containers has the tables hold for the addresses of containers too. Where nobody
	// is served at them, they are others' business.
	Containers bool
	// Owner is the user who alone may listen there, by his number in the namespace. Nil
	// lets anybody. The port is not privileged: while no process of ours is there to
	// have it, whoever else took it would be led the requests.
	Owner *uint32
}

// addresses are those that are ours to serve, and to keep from others.
func (w Way) addresses() []netip.Addr {
	if w.Containers {
		return link.Served()
	}
	return []netip.Addr{link.MetadataIPv4, link.MetadataIPv6}
}

// metadataPort is where SDKs look for EC2's metadata.
const metadataPort = 80

// port is what a request has when a listener's socket gets it.
func (w Way) port() uint16 {
	if w.Mode == Direct {
		return metadataPort
	}
	return w.Port
}
