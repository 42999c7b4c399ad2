package imds

import (
	"context"
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
)

// limitHops makes everything that the request's connection sends from now on die
// after this many routers, the last one included: ip(7) IP_TTL, ipv6(7)
// IPV6_UNICAST_HOPS. It stays so until the connection closes. Were it raised after
// the reply, a retransmission, or the reply to a GET behind the PUT, could carry the
// token past the limit.
func limitHops(ctx context.Context, limit int) error {
	socket, ok := connOf(ctx).Conn.(syscall.Conn)
	if !ok {
		return nil // what is no socket sends no packets
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return err
	}
	if broken := raw.Control(func(fd uintptr) { err = setHops(int(fd), limit) }); broken != nil {
		return broken
	}
	return err
}

// setHops sets both on a socket of IPv6: what has arrived over IPv4 at a dual-stack
// listener goes by IP_TTL.
func setHops(fd, limit int) error {
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_TTL, limit); err != nil {
		return fmt.Errorf("set IP_TTL: %w", err)
	}
	family, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
	if err != nil || family != unix.AF_INET6 {
		return err
	}
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_UNICAST_HOPS, limit); err != nil {
		return fmt.Errorf("set IPV6_UNICAST_HOPS: %w", err)
	}
	return nil
}
