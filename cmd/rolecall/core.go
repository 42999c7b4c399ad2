package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/rolecall/rolecall/rolestore/issuer"
	"github.com/rolecall/rolecall/rolestore/issuer/directory"
	"github.com/rolecall/rolecall/rolestore/issuer/oidc"
	"github.com/rolecall/rolecall/rolestore/seal"
)

// coreOptions are the settings of the core.
type coreOptions struct {
	listen      string
	url         string
	domain      string
	socket      string
	tls         tlsOptions
	site        siteOptions
	prune       bool
	wellKnown   oidc.WellKnown
	definitions *directory.Definitions
	endpoints   []fileVPCEndpoint
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

// domainName is a domain of at least two labels (RFC 1123 section 2.1), or none.
var domainName = regexp.MustCompile(`^$|^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}$`)

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
	command.AddCommand(credentialsCommand(w, d), secretsCommand(w, d), coreStatusCommand(w, d), coreTokenCommand(w, d),
		coreHostCommand(w, d), coreGrantCommand(w, d), coreLeaseCommand(w, d))
	return command
}

// readFile reads core.yaml, which both `core` and `up` take; others are the flags of
// the one that is not run, or nil.
func (o *coreOptions) readFile(c *common, command *cobra.Command, others *pflag.FlagSet) error {
	file, definitions, err := readCoreFile(c.config, !command.Flags().Changed("config"))
	if err != nil {
		return err
	}
	o.definitions, o.endpoints = definitions, file.VPCEndpoints
	if o.wellKnown, err = file.WebIdentityProviders.wellKnown(); err != nil {
		return err
	}
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
	if !domainName.MatchString(o.domain) {
		return nil, fmt.Errorf("--issuer-domain %q: want a domain in lower case, as in example.com, below which sts and sts.REGION are the core's names", o.domain)
	}
	site, err := o.site.open(w, logger)
	if err != nil {
		return nil, err
	}
	core, err := issuer.Open(issuer.Config{
		Site: site, WellKnown: o.wellKnown,
		Path: c.path(coreDBFile), Keyring: keyring, Definitions: o.definitions, Prune: o.prune, URL: url, Domain: o.domain,
		Now: w.now, Logger: logger,
	})
	if err != nil {
		return nil, definitionError(c.config, err)
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
	half.serve("issuer socket", core.Public(), private)
	admin, err := listenUnix(ctx, o.socket, true)
	if err != nil {
		return nil, err
	}
	half.serve("core admin socket", core.Admin(), admin)
	half.watchFile(c.config, o, w, logger)
	if err := half.listenPrivate(ctx, o, c.config, logger); err != nil {
		return nil, err
	}
	if o.listen == "" {
		return half, nil
	}
	return half, half.listenPublic(ctx, o, logger)
}

// publicURL is where parties outside reach the core: what the operator says, or the
// port for people's tools.
func (o *coreOptions) publicURL() (string, error) {
	if o.url == "" && o.listen != "" {
		if o.tls.certificate != "" || o.tls.auto {
			return "https://" + o.listen, nil
		}
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
