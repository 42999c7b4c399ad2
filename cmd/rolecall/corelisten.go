package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"

	"golang.org/x/net/netutil"

	"github.com/rolecall/rolecall/network"
)

const (
	// maxTools bounds the connections to the port for people's tools, which any local
	// user may open, so that they do not use up the descriptors of the agent beside it.
	maxTools = 512

	// maxPeers bounds them where hosts connect, each of which keeps one.
	maxPeers = 8192

	// authorityFile, beside the core's admin socket, is for clients to trust.
	authorityFile = "core-ca.pem"
)

// tlsOptions say by which certificate callers know the core.
type tlsOptions struct {
	certificate, key string
	auto             bool
}

// on reports whether the core speaks TLS.
func (o tlsOptions) on() bool { return o.certificate != "" || o.key != "" || o.auto }

// address is where to listen. Credentials must not cross a network in clear.
func (o *coreOptions) address() (netip.AddrPort, error) {
	address, err := netip.ParseAddrPort(o.listen)
	switch {
	case err != nil:
		return address, fmt.Errorf("--issuer-listen %q: want ADDRESS:PORT, as in 127.0.0.1:8473", o.listen)
	case (o.tls.certificate == "") != (o.tls.key == ""):
		return address, errors.New("--tls-cert and --tls-key belong together: give both, or --tls-auto alone")
	case o.tls.auto && o.tls.certificate != "":
		return address, errors.New("--tls-auto makes a certificate: leave it out, or --tls-cert and --tls-key")
	case !address.Addr().IsLoopback() && !o.tls.on():
		return address, fmt.Errorf("--issuer-listen %s: the core has no TLS certificate, and without one it answers on loopback alone: "+
			"give it one with --tls-cert and --tls-key, let it make one with --tls-auto, or use 127.0.0.1:%d", o.listen, address.Port())
	}
	return address, nil
}

// listenPublic opens the listener that hosts and people's tools reach.
func (h *coreHalf) listenPublic(ctx context.Context, o coreOptions, logger *slog.Logger) error {
	address, err := o.address()
	if err != nil {
		return err
	}
	config, err := h.tlsConfig(o, logger)
	if err != nil {
		return err
	}
	listener, err := listenAt(ctx, address)
	if err != nil {
		return fmt.Errorf("issuer: %w; or choose another port with --issuer-listen", err)
	}
	if config != nil {
		listener = tls.NewListener(listener, config)
	}
	h.serve("issuer", h.Public(), listener)
	return nil
}

// listenAt listens on loopback for this machine alone, however its neighbours route.
func listenAt(ctx context.Context, address netip.AddrPort) (net.Listener, error) {
	if address.Addr().IsLoopback() {
		l, err := network.ListenDevice(ctx, "lo", address)
		if err != nil {
			return nil, err
		}
		return netutil.LimitListener(l, maxTools), nil
	}
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", address.String())
	if err != nil {
		return nil, err
	}
	return limited(l), nil
}

// limited bounds the connections of each source and of all.
func limited(l net.Listener) net.Listener {
	return netutil.LimitListener(&perSource{Listener: l, held: map[netip.Prefix]int{}}, maxPeers)
}

// tlsConfig is nil for a core that speaks no TLS.
func (h *coreHalf) tlsConfig(o coreOptions, logger *slog.Logger) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}
	switch {
	case o.tls.auto:
		certificates, err := h.Certificates()
		if err != nil {
			return nil, fmt.Errorf("--tls-auto: %w", err)
		}
		path := authorityPath(o)
		if err := os.WriteFile(path, certificates.Authority(), 0o644); err != nil {
			return nil, fmt.Errorf("--tls-auto: write the authority's certificate for clients: %w", err)
		}
		if err := os.Chmod(path, 0o644); err != nil { // the umask was in the way
			return nil, err
		}
		config.GetCertificate = certificates.Get
	case o.tls.certificate != "":
		files, err := openCertificate(o.tls.certificate, o.tls.key, nil, logger)
		if err != nil {
			return nil, fmt.Errorf("--tls-cert, --tls-key: %w", err)
		}
		config.GetCertificate = files.Get
	default:
		return nil, nil
	}
	return config, nil
}

func authorityPath(o coreOptions) string {
	return filepath.Join(filepath.Dir(o.socket), authorityFile)
}
