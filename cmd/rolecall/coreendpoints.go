package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"

	"github.com/rolecall/rolecall/network"
	"github.com/rolecall/rolecall/rolestore/issuer"
)

// fileVPCEndpoint is a private endpoint of core.yaml, by the names of CreateVpcEndpoint's
// parameters. It is opened when the core starts.
type fileVPCEndpoint struct {
	ID string `yaml:"vpc_endpoint_id"`
	// Listen is where, and Device the one on which alone requests are taken: whoever
	// routes the address from somewhere else is not in that network.
	Listen string `yaml:"listen"`
	Device string `yaml:"device"`
	Policy any    `yaml:"policy_document"`
}

// endpoint is a private endpoint that is checked, but for its policy.
func (f fileVPCEndpoint) endpoint(o coreOptions) (e issuer.Endpoint, address netip.AddrPort, err error) {
	e.ID = f.ID
	switch address, err = netip.ParseAddrPort(f.Listen); {
	case err != nil:
		return e, address, fmt.Errorf("listen %q: want ADDRESS:PORT, as in 10.1.0.1:443", f.Listen)
	case f.Device == "":
		return e, address, errors.New("device is missing: name the one by which the endpoint's network is reached, so that no other network is taken for it")
	case !address.Addr().IsLoopback() && !o.tls.on():
		return e, address, errors.New("the core has no TLS certificate, and without one it answers on loopback alone: give it one with --tls-cert and --tls-key, or --tls-auto")
	}
	if f.Policy != nil {
		if e.Policy, err = json.Marshal(f.Policy); err != nil {
			return e, address, fmt.Errorf("policy_document: %w", err)
		}
	}
	return e, address, nil
}

// listenPrivate opens the private endpoints.
func (h *coreHalf) listenPrivate(ctx context.Context, o coreOptions, config string, logger *slog.Logger) error {
	seen := map[string]bool{}
	for _, f := range o.endpoints {
		if seen[f.ID] {
			return fmt.Errorf("%s: vpc_endpoints: %s is there twice", config, f.ID)
		}
		seen[f.ID] = true
		if err := h.openEndpoint(ctx, o, f, logger); err != nil {
			return fmt.Errorf("%s: vpc_endpoints: %s: %w", config, f.ID, err)
		}
	}
	return nil
}

func (h *coreHalf) openEndpoint(ctx context.Context, o coreOptions, f fileVPCEndpoint, logger *slog.Logger) error {
	e, address, err := f.endpoint(o)
	if err != nil {
		return err
	}
	server, err := h.Private(e)
	if err != nil {
		return err
	}
	certificates, err := h.tlsConfig(o, logger)
	if err != nil {
		return err
	}
	listener, err := network.ListenDevice(ctx, f.Device, address)
	if err != nil {
		return err
	}
	listener = limited(listener)
	if certificates != nil {
		listener = tls.NewListener(listener, certificates)
	}
	h.serve("private endpoint "+e.ID, server, listener)
	return nil
}
