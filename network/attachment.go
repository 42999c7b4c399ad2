package network

import (
	"fmt"
	"net"
	"net/netip"

	"github.com/rolecall/rolecall/network/link"
)

const (
	// hostName is the name of the one attachment that is the host itself.
	hostName = "host"
	// loopback is the device that the host's own requests arrive on.
	loopback = "lo"
	// metadataPort is where SDKs look for EC2's metadata.
	metadataPort = 80
)

// Endpoint is one address at which an attachment is served.
type Endpoint struct {
	// Served is what the instance dials. Its address is put on the device,
	// unless it is a loopback address.
	Served netip.AddrPort
	// Listen is where our listener sits.
	Listen netip.AddrPort
}

// Attachment is a way by which requests arrive.
type Attachment struct {
	// Name is what connections are told apart by; unique among the wanted.
	Name string
	// Device is what the listeners are bound to.
	Device string
	// Endpoints are served alike; at least one.
	Endpoints []Endpoint
}

// Host attaches the machine itself at 169.254.169.254:80 and, where ipv6 is set
// and lo has IPv6 when applied, at [fd00:ec2::254]:80.
func Host(ipv6 bool) Attachment {
	a := Attachment{Name: hostName, Device: loopback, Endpoints: []Endpoint{direct(netip.AddrPortFrom(link.MetadataIPv4, metadataPort))}}
	if ipv6 {
		a.Endpoints = append(a.Endpoints, direct(netip.AddrPortFrom(link.MetadataIPv6, metadataPort)))
	}
	return a
}

// Loopback attaches the machine itself at a loopback address, such as
// 127.0.0.1:1338, which needs neither an address nor a privilege. Port 0 is any
// free one. Other addresses are refused.
func Loopback(listen netip.AddrPort) (Attachment, error) {
	listen = netip.AddrPortFrom(listen.Addr().Unmap(), listen.Port())
	if !listen.Addr().IsLoopback() {
		return Attachment{}, fmt.Errorf(
			"listen on %s: whoever reaches this address would get this machine's role; choose a loopback address, as in --listen 127.0.0.1:1338", listen)
	}
	return Attachment{Name: hostName, Device: loopback, Endpoints: []Endpoint{direct(listen)}}, nil
}

// direct is an endpoint whose listener is bound to the served address itself.
func direct(addr netip.AddrPort) Endpoint { return Endpoint{Served: addr, Listen: addr} }

// placed reports whether the served address has to be on the device. The kernel
// keeps 127.0.0.1 and ::1 there by itself.
func (e Endpoint) placed() bool { return !e.Served.Addr().IsLoopback() }

// check reports an attachment that must not or cannot be served.
func (a Attachment) check() error {
	if a.Name == "" || len(a.Endpoints) == 0 {
		return fmt.Errorf("attachment %q: want a name and an endpoint", a.Name)
	}
	for _, e := range a.Endpoints {
		served := e.Served.Addr()
		if e.placed() && served != link.MetadataIPv4 && served != link.MetadataIPv6 {
			return fmt.Errorf("attachment %s: %s is neither a metadata address nor a loopback address", a.Name, served)
		}
		if e.placed() && a.Device != loopback {
			return fmt.Errorf("attachment %s: %s belongs on %s, not on %s", a.Name, served, loopback, a.Device)
		}
	}
	device, err := net.InterfaceByName(a.Device)
	if err != nil {
		return fmt.Errorf("attachment %s: device %q: %w", a.Name, a.Device, err)
	}
	if device.Flags&net.FlagUp == 0 {
		return fmt.Errorf("attachment %s: device %s is down, so that nothing can arrive on it; bring it up: ip link set %s up", a.Name, a.Device, a.Device)
	}
	return nil
}

// available returns the endpoints that the device can have: IPv6 ones drop out
// while IPv6 is off, and come back with it.
func (a Attachment) available() []Endpoint {
	var available []Endpoint
	for _, e := range a.Endpoints {
		if !e.placed() || e.Served.Addr().Is4() || link.IPv6(a.Device) {
			available = append(available, e)
		}
	}
	return available
}
