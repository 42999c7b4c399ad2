package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// maxSocketPath is what sockaddr_un holds besides the final zero (unix(7)).
const maxSocketPath = 107

// group may use the admin sockets, which is as good as being root to Rolecall.
const group = "rolecall"

// listenUnix listens on a Unix socket that only its owner may open, and the group
// rolecall too if shared is set and there is such a group. A socket that a killed
// process left is replaced; one that answers is not.
func listenUnix(ctx context.Context, path string, shared bool) (net.Listener, error) {
	dir := filepath.Dir(path)
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, fmt.Errorf("make the directory of %s: %w", path, err)
		}
		if err := os.Chmod(dir, 0o755); err != nil { // the umask was in the way
			return nil, fmt.Errorf("open the directory of %s: %w", path, err)
		}
	}
	if len(path) > maxSocketPath {
		return nil, fmt.Errorf("%s is longer than the %d bytes that the path of a Unix socket may have: choose a shorter one", path, maxSocketPath)
	}
	if absolute, err := filepath.Abs(path); err != nil {
		return nil, err
	} else if err := trusted(filepath.Dir(absolute), os.Geteuid()); err != nil {
		return nil, fmt.Errorf("socket %s: %w", path, err)
	}
	if answers(ctx, path) == nil {
		return nil, fmt.Errorf("a running process answers on %s: stop it first, or choose another path", path)
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "unix", path)
	if errors.Is(err, syscall.EADDRINUSE) {
		if info, err := os.Lstat(path); err != nil || info.Mode().Type() != fs.ModeSocket {
			return nil, fmt.Errorf("%s is there and is no socket: choose another path", path)
		}
		if err := os.Remove(path); err != nil {
			return nil, fmt.Errorf("remove the socket of a process that is gone: %w", err)
		}
		listener, err = config.Listen(ctx, "unix", path)
	}
	if err != nil {
		return nil, fmt.Errorf("listen on a Unix socket: %w", err)
	}
	if shared {
		err = share(path)
	}
	if err != nil {
		_ = listener.Close()
		return nil, fmt.Errorf("let the group %s use %s: %w", group, path, err)
	}
	return listener, nil
}

// answers returns nil if a process accepts connections on a Unix socket.
func answers(ctx context.Context, path string) error {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", path)
	if err != nil {
		return err
	}
	return conn.Close()
}

// share opens a socket to the group. Without such a group, and for an owner who is
// not in it, it stays the owner's alone.
func share(path string) error {
	g, err := user.LookupGroup(group)
	var unknown user.UnknownGroupError
	if errors.As(err, &unknown) {
		return nil
	}
	if err != nil {
		return err
	}
	gid, err := strconv.Atoi(g.Gid)
	if err != nil {
		return err
	}
	err = os.Chown(path, -1, gid)
	if errors.Is(err, fs.ErrPermission) {
		return nil
	}
	if err != nil {
		return err
	}
	return os.Chmod(path, 0o660)
}
