package doctor

import (
	"net/netip"
	"net/url"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/rolecall/rolecall/cmd/rolecall/admin"
	"github.com/rolecall/rolecall/network/verdict"
)

// endpoints are the addresses and ports at which an instance finds us.
func endpoints(i admin.Instance) []netip.AddrPort {
	var all []netip.AddrPort
	for _, text := range i.Endpoints {
		u, err := url.Parse(text)
		if err != nil {
			continue
		}
		addr, err := netip.ParseAddr(u.Hostname())
		if err != nil {
			continue
		}
		port := uint16(80)
		if n, err := strconv.ParseUint(u.Port(), 10, 16); err == nil {
			port = uint16(n)
		}
		all = append(all, netip.AddrPortFrom(addr, port))
	}
	return all
}

// packets are the first of a request, as it is sent, and the first of the answer, as
// our listener sends it: what our own rules do to both is found in the rules.
func packets(i admin.Instance, served netip.AddrPort, s admin.Status) (request, answer verdict.Packet) {
	at := i.AttachmentDetails
	request = verdict.Packet{
		In: device(i), Port: at.Port, Dst: served.Addr(), SrcPort: clientPort, DstPort: served.Port(),
		Protocol: unix.IPPROTO_TCP, State: verdict.New,
	}
	for _, text := range []string{at.Address, at.IPv6Address} {
		if addr, err := netip.ParseAddr(text); err == nil && addr.Is4() == served.Addr().Is4() {
			request.Src = addr
		}
	}
	if request.In == loopback { // from the address that is asked
		request.Out, request.Src = loopback, served.Addr()
	}
	answer = verdict.Packet{
		In: request.Out, Out: request.In, Port: at.Port, Src: request.Dst, Dst: request.Src, SrcPort: served.Port(), DstPort: clientPort,
		Protocol: unix.IPPROTO_TCP, State: verdict.Established,
	}
	if served.Port() == 80 && s.Port != 0 {
		answer.SrcPort = s.Port
		if s.PortMode == "nat" {
			answer.Restored = served.Port()
		}
	}
	return request, answer
}

// clientPort stands for all ports that clients have: it is one of RFC 6335's (section 6)
// and one of Linux's (ip_local_port_range).
const clientPort = 50000

// loopback is the device of a whole namespace.
const loopback = "lo"

func device(i admin.Instance) string {
	switch at := i.AttachmentDetails; at.Kind() {
	case "interface":
		return at.Interface
	case "bridge":
		return at.Bridge
	}
	return loopback
}

// wayIn and wayOut are the hooks that packets pass.
func wayIn(i admin.Instance) []verdict.Hook {
	switch i.AttachmentDetails.Kind() {
	case "interface":
		return []verdict.Hook{verdict.Ingress, verdict.Prerouting, verdict.Input}
	case "bridge":
		return []verdict.Hook{verdict.BridgePrerouting, verdict.BridgeInput, verdict.Ingress, verdict.Prerouting, verdict.Input}
	}
	return []verdict.Hook{verdict.Output, verdict.Postrouting, verdict.Egress, verdict.Ingress, verdict.Prerouting, verdict.Input}
}

func wayOut(i admin.Instance) []verdict.Hook {
	switch i.AttachmentDetails.Kind() {
	case "interface":
		return []verdict.Hook{verdict.Output, verdict.Postrouting, verdict.Egress}
	case "bridge":
		return []verdict.Hook{verdict.Output, verdict.Postrouting, verdict.Egress, verdict.BridgeOutput, verdict.BridgePostrouting}
	}
	return wayIn(i)
}
