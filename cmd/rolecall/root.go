package main

import (
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/rolecall/rolecall/network"
)

// newRoot returns the command with all its subcommands.
func newRoot(w world) *cobra.Command {
	root := &cobra.Command{
		Use:           "rolecall",
		Short:         "Short-lived role credentials for unmodified AWS SDKs, on machines that are not on EC2",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetOut(w.stdout)
	root.SetErr(w.stderr)
	root.CompletionOptions.HiddenDefaultCmd = true
	d := defaultsFor(w.uid, w.env)
	root.AddCommand(upCommand(w, d), agentCommand(w, d), coreCommand(w, d), joinCommand(w, d), instanceCommand(w, d), statusCommand(w, d),
		doctorCommand(w, d), cleanupCommand(w, d), whyCommand(w, d), identityCommand(w), versionCommand(w))
	return root
}

// common are the settings of every command that runs for long.
type common struct {
	config   string
	stateDir string
	keys     string
	logLevel slog.Level
}

// flags adds the flags of every command that runs for long.
func (c *common) flags(f *pflag.FlagSet, config string, d defaults, level slog.Level) {
	f.StringVar(&c.config, "config", config, "configuration `file`: every flag is a key in it, with underscores")
	f.StringVar(&c.stateDir, "state-dir", d.stateDir, "`directory` of the databases")
	f.StringVar(&c.keys, "keys", d.keys, "`file` of the keys that seal the databases; keep it on another disk if you can")
	c.logLevel = level
	f.TextVar(&c.logLevel, "log-level", level, "`level` of what is logged to stderr: debug, info, warn or error")
}

func (c *common) logger(w world) *slog.Logger {
	return slog.New(slog.NewTextHandler(w.stderr, &slog.HandlerOptions{Level: c.logLevel}))
}

// flags adds the flags that say how the agent meets the network.
func (o *agentOptions) flags(f *pflag.FlagSet, d defaults) {
	f.StringVar(&o.adminSocket, "admin-socket", d.adminSocket, "`path` of the agent's admin socket")
	f.StringVar(&o.listen, "listen", "", "serve this machine at `HOST:PORT` on loopback instead of 169.254.169.254; needs no privilege")
	o.portMode = network.Auto
	f.TextVar(&o.portMode, "port-mode", network.Auto, "`how` requests for port 80 reach us: rewrite or nat leave port 80 to others, direct takes it, auto is the best that the kernel can do")
	f.Uint16Var(&o.port, "port", network.DefaultPort, "`port` that we listen on in its place, but with --port-mode direct")
	f.DurationVar(&o.sessionDuration, "session-duration", defaultSession, "how long the sessions live that are asked for, 15m to 12h")
	f.BoolVar(&o.takeOver, "take-over", false, "serve even if another service answers at 169.254.169.254, in its place")
	f.StringVar(&o.instancesDir, "instances-dir", d.instancesDir, "`directory` of files that define instances")
	f.StringVar(&o.clustersFile, "clusters-file", d.clustersFile, "`file` of the Kubernetes clusters whose pods are instances here")
	f.Uint16Var(&o.requestRate, "request-rate", defaultRequestRate, "how many requests a second each instance may make for long, and five times as many at once; 0 is any number")
	f.Uint16Var(&o.tokenRate, "token-rate", defaultTokenRate, "the same of session tokens")
	f.BoolVar(&o.keepNetwork, "keep-network", false, "leave the addresses in place at the end, for a service that is started again")
}

// flags adds the flags that say where the core listens.
func (o *coreOptions) flags(f *pflag.FlagSet, d defaults) {
	f.StringVar(&o.listen, "issuer-listen", "127.0.0.1:8473", "`HOST:PORT` where the core answers hosts and people's tools, or empty for none; off loopback with TLS alone")
	f.StringVar(&o.url, "issuer-url", "", "`URL` where parties outside reach the core, of which the tokens of GetWebIdentityToken name their issuer; by default that of --issuer-listen")
	f.StringVar(&o.domain, "issuer-domain", "", "`domain` below which the core has names as AWS's services have: sts.DOMAIN for all regions, sts.REGION.DOMAIN for one, iam.DOMAIN")
	f.StringVar(&o.tls.certificate, "tls-cert", "", "`file` of the core's TLS certificate, PEM, with those that signed it; read again when it changes")
	f.StringVar(&o.tls.key, "tls-key", "", "`file` of the certificate's key, PEM")
	f.BoolVar(&o.tls.auto, "tls-auto", false, "make the TLS certificate, with an authority of the core's own that hosts know from their join token")
	f.StringVar(&o.site.certificate, "identity-cert", "", "`file` of your own certificate that signs instance identity documents, PEM, with an RSA key; read again when it changes; by default the core makes one")
	f.StringVar(&o.site.key, "identity-key", "", "`file` of that certificate's key, PEM")
	f.StringVar(&o.socket, "core-socket", d.coreSocket, "`path` of the core's admin socket")
	f.BoolVar(&o.prune, "prune", false, "delete what the configuration file defined before and defines no longer; an account goes with its hosts")
}

func versionCommand(w world) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintln(w.stdout, "rolecall", buildVersion())
			return err
		},
	}
}
