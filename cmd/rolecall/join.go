package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"github.com/rolecall/rolecall/rolestore/hold"
	"github.com/rolecall/rolecall/rolestore/hosttoken"
	"github.com/rolecall/rolecall/rolestore/issuer/directory"
	"github.com/rolecall/rolecall/rolestore/seal"
	"github.com/rolecall/rolecall/rolestore/source"
)

func joinCommand(w world, d defaults) *cobra.Command {
	var c common
	var token, authority string
	command := &cobra.Command{
		Use:   "join URL --token TOKEN",
		Short: "Enrol this host with a core on another machine",
		Long: "Enrols this host with a core on another machine, whose administrator has made the token with\n" +
			"`rolecall core token create`. The agent must not be running; afterwards start it with `rolecall agent`.\n\n" +
			"  rolecall join https://core.example.com:8473 --token TOKEN",
		Args: cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			if token == "-" {
				text, err := io.ReadAll(io.LimitReader(command.InOrStdin(), 1<<10))
				if err != nil {
					return fmt.Errorf("read the join token: standard input: %w", err)
				}
				token = string(text)
			}
			invitation, err := hosttoken.ParseInvitation(token)
			if err != nil {
				return fmt.Errorf("--token: %w", err)
			}
			j := source.Joining{URL: args[0], Invitation: invitation, Now: w.now}
			if authority != "" {
				text, err := os.ReadFile(authority)
				if err != nil {
					return fmt.Errorf("--ca-file: %w", err)
				}
				j.Authority = string(text)
			}
			keyring, err := c.prepare(w)
			if err != nil {
				return err
			}
			return join(command.Context(), c, w, keyring, j)
		},
	}
	f := command.Flags()
	f.StringVar(&token, "token", "", "the join `token`, or - for standard input, where no other user of this machine sees it")
	f.StringVar(&authority, "ca-file", "", "`file` of the certificate authority that signed the core's certificate, PEM; by default those that the system trusts")
	f.StringVar(&c.stateDir, "state-dir", d.stateDir, "`directory` of the databases")
	f.StringVar(&c.keys, "keys", d.keys, "`file` of the keys that seal the databases")
	f.TextVar(&c.logLevel, "log-level", slog.LevelWarn, "`level` of what is logged to stderr: debug, info, warn or error")
	return command
}

// join enrols the host with its own key, which it makes if it has none yet.
func join(ctx context.Context, c common, w world, keyring *seal.Keyring, j source.Joining) (err error) {
	identity, err := hold.OpenAgent(hold.AgentConfig{
		Path: c.path(agentFile), Keyring: keyring, Fingerprint: fingerprint(), Logger: c.logger(w).With("room", "hold"),
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, identity.Close()) }()
	j.Host, j.Key = identity.HostID(), identity.HostKey()
	joined, err := source.Join(ctx, j)
	if err != nil {
		return fmt.Errorf("join %s: %w", j.URL, err)
	}
	if known, _ := identity.Enrolment(); known.CoreID != j.Invitation.Core || identity.Fresh() {
		// Another core does not know the sessions of the one before.
		if err := discard(c.path(cacheFile)); err != nil {
			return err
		}
	}
	err = identity.PutEnrolment(hold.Enrolment{
		CoreID: j.Invitation.Core, Issuer: j.URL, Account: joined.Account,
		Authority: joined.Trust.Authority, Pinned: joined.Trust.Core != "",
	})
	if err != nil {
		return err
	}
	key := directory.Host{Key: &j.Key.PublicKey}
	_, err = fmt.Fprintf(w.stdout, "This host, %s, has joined %s and belongs to account %s there.\n"+
		"The SHA-256 of its key is %s.\nIt is granted nothing yet, unless core.yaml names it and its key:\n"+
		"  rolecall core grant put NAME --host %s --profile PROFILE --instance-id 'i-*'     on the core's machine\n"+
		"  rolecall agent                                                                              here\n",
		j.Host, j.URL, joined.Account, key.Fingerprint(), j.Host)
	return err
}
