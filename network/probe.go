package network

import (
	"context"
	"net"
	"net/netip"
	"time"

	"github.com/rolecall/rolecall/network/link"
)

// probeTimeout bounds the question whether somebody answers. A cloud's metadata
// service is on the same host and answers within milliseconds; elsewhere the
// packet often goes to the default gateway and is lost, and `up` waits for this.
const probeTimeout = 500 * time.Millisecond

// Probe reports whether something accepts TCP connections at addr: a cloud's
// metadata service, or a listener of our own. To learn of a cloud's, it is asked
// before our address is added. Refused, unreachable and silent all mean no.
func Probe(ctx context.Context, addr netip.AddrPort) bool {
	dialer := net.Dialer{Timeout: probeTimeout}
	conn, err := dialer.DialContext(ctx, "tcp", addr.String())
	if err != nil {
		return false
	}
	_ = conn.Close()
	return true
}

// Here reports whether what this host's programs send to an address stays on this host.
func Here(addr netip.Addr) (bool, error) { return link.Owned(addr) }

// Answers reports whether a metadata service that is not ours answers this host, or did
// when an earlier process kept the way to it. It is asked before any address is added.
func Answers(ctx context.Context) (bool, error) {
	if bypassed, err := link.Bypassed(); err != nil || bypassed {
		return bypassed, err
	}
	return Probe(ctx, netip.AddrPortFrom(link.MetadataIPv4, metadataPort)), nil
}
