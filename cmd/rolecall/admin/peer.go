package admin

import (
	"context"
	"net"

	"golang.org/x/sys/unix"
)

type peerKey struct{}

// peer is who is at the other end of a Unix socket, as the kernel noted when it was
// connected (SO_PEERCRED, unix(7)).
type peer struct {
	uid int
	pid int // 0 for a process that this namespace does not see
}

// withPeer is the [net/http.Server.ConnContext] of the API. A connection of another
// kind has no peer.
func withPeer(ctx context.Context, conn net.Conn) context.Context {
	unixConn, ok := conn.(*net.UnixConn)
	if !ok {
		return ctx
	}
	raw, err := unixConn.SyscallConn()
	if err != nil {
		return ctx
	}
	_ = raw.Control(func(fd uintptr) { // a connection that is closed by now has no peer
		if cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			ctx = context.WithValue(ctx, peerKey{}, peer{uid: int(cred.Uid), pid: int(cred.Pid)})
		}
	})
	return ctx
}

// peerOf is who made a request, if that is known.
func peerOf(ctx context.Context) (peer, bool) {
	p, ok := ctx.Value(peerKey{}).(peer)
	return p, ok
}
