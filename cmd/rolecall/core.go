package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/net/netutil"

	"github.com/rolecall/rolecall/network"
	"github.com/rolecall/rolecall/rolestore/issuer"
	"github.com/rolecall/rolecall/rolestore/issuer/directory"
	"github.com/rolecall/rolecall/rolestore/seal"
	"github.com/rolecall/rolecall/rolestore/surface"
)

// maxTools bounds the connections to the port for people's tools, which any local
// user may open, so that they do not use up the descriptors of the agent beside it.
const maxTools = 512

// coreOptions are the settings of the core.
type coreOptions struct {
	listen      string
	url         string
	socket      string
	prune       bool
	definitions *directory.Definitions
	// survives, if set, refuses definitions that would take away what runs beside the
	// core.
	survives func(*directory.Definitions) error
}

// coreHalf is a running core.
type coreHalf struct {
	*issuer.Core
	file      *definitionsFile
	redefined func() error // called after the file has changed the core, if set
	tasks     []task
	close     []func() error
}

func coreCommand(w world, d defaults) *cobra.Command {
	var c common
	var o coreOptions
	command := &cobra.Command{
		Use:   "core",
		Short: "Run the issuing core alone",
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			if err := o.readFile(&c, command, upCommand(w, d).Flags()); err != nil {
				return err
			}
			keyring, err := c.prepare(w)
			if err != nil {
				return err
			}
			logger := c.logger(w)
			core, err := openCore(command.Context(), c, o, w, keyring, logger)
			if err != nil {
				return err
			}
			ready := task{"readiness", func(context.Context) error {
				logger.Info("core is ready", "core_id", core.Directory().Snapshot().CoreID())
				return notifyReady(logger)
			}}
			return errors.Join(runTasks(command.Context(), append(core.tasks, ready)), core.Close())
		},
	}
	c.flags(command.Flags(), d.coreConfig, d, slog.LevelInfo)
	o.flags(command.Flags(), d)
	command.AddCommand(credentialsCommand(w, d), secretsCommand(w, d))
	return command
}

// readFile reads core.yaml, which both `core` and `up` take; others are the flags of
// the one that is not run, or nil.
func (o *coreOptions) readFile(c *common, command *cobra.Command, others *pflag.FlagSet) error {
	file, definitions, err := readCoreFile(c.config, !command.Flags().Changed("config"))
	if err != nil {
		return err
	}
	o.definitions = definitions
	return file.Settings.apply(c.config, command.Flags(), others)
}

// openCore opens the core and its listeners: the socket on which the agent's half
// asks it, in the state directory that nobody else may enter; the admin socket;
// and a TCP port on loopback for people's tools.
func openCore(ctx context.Context, c common, o coreOptions, w world, keyring *seal.Keyring, logger *slog.Logger) (_ *coreHalf, err error) {
	logger = logger.With("room", "issuer")
	url, err := o.publicURL()
	if err != nil {
		return nil, err
	}
	core, err := issuer.Open(issuer.Config{
		Path: c.path(coreDBFile), Keyring: keyring, Definitions: o.definitions, Prune: o.prune, URL: url,
		Now: w.now, Logger: logger,
	})
	if err != nil {
		return nil, err
	}
	half := &coreHalf{Core: core, close: []func() error{core.Close}, tasks: []task{{"issuing keys", core.RotateKeys}}}
	defer func() {
		if err != nil {
			err = errors.Join(err, half.Close())
		}
	}()
	private, err := listenUnix(ctx, c.path(issuerSocket), false)
	if err != nil {
		return nil, err
	}
	half.serve("issuer socket", surface.Server(core.STS(), logger), private)
	admin, err := listenUnix(ctx, o.socket, true)
	if err != nil {
		return nil, err
	}
	half.serve("core admin socket", core.Admin(), admin)
	half.watchFile(c.config, o, w, logger)
	if o.listen == "" {
		return half, nil
	}
	address, err := o.address()
	if err != nil {
		return nil, err
	}
	public, err := network.ListenDevice(ctx, "lo", address)
	if err != nil {
		return nil, fmt.Errorf("issuer: %w; or choose another port with --issuer-listen", err)
	}
	half.serve("issuer", surface.Server(core.STS(), logger), netutil.LimitListener(public, maxTools))
	return half, nil
}

// address is where to listen. Credentials must not cross a network in clear.
func (o *coreOptions) address() (netip.AddrPort, error) {
	address, err := netip.ParseAddrPort(o.listen)
	if err != nil {
		return address, fmt.Errorf("--issuer-listen %q: want ADDRESS:PORT, as in 127.0.0.1:8473", o.listen)
	}
	if !address.Addr().IsLoopback() {
		return address, fmt.Errorf("--issuer-listen %s: the core has no TLS certificate, and without one it answers on loopback alone: use 127.0.0.1:%d",
			o.listen, address.Port())
	}
	return address, nil
}

// publicURL is where parties outside reach the core: what the operator says, or the
// port for people's tools.
func (o *coreOptions) publicURL() (string, error) {
	if o.url == "" && o.listen != "" {
		return "http://" + o.listen, nil
	}
	u, err := url.Parse(o.url)
	if o.url != "" && (err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.RawQuery != "" || strings.HasSuffix(u.Path, "/")) {
		return "", fmt.Errorf("--issuer-url %q: want a URL without a slash at its end, as in https://sts.example.com", o.url)
	}
	return o.url, nil
}

func (h *coreHalf) serve(name string, s httpServer, l net.Listener) {
	h.tasks = append(h.tasks, serve(name, s, l))
	h.close = append(h.close, closed(l))
}

// Close closes what openCore opened, the last first.
func (h *coreHalf) Close() error { return closeAll(h.close) }
