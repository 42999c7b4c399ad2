package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/rolecall/rolecall/cmd/rolecall/admin"
	"github.com/rolecall/rolecall/rolestore/issuer"
	"github.com/rolecall/rolecall/rolestore/issuer/directory"
)

// coreNoun is a command that groups those of one noun of the core's admin API.
func coreNoun(d defaults, use, short string) (command *cobra.Command, socket *string) {
	command = &cobra.Command{Use: use, Short: short, Args: cobra.NoArgs}
	return command, coreSocketFlag(command, d)
}

func coreSocketFlag(command *cobra.Command, d defaults) *string {
	return command.PersistentFlags().String("core-socket", served(d.coreSocket), "`path` of the core's admin socket")
}

// coreShow is a command that shows what the core answers to a GET.
func coreShow[T any](w world, socket *string, use, short string, args cobra.PositionalArgs, path func(args []string) string, fill func(io.Writer, T)) *cobra.Command {
	var output string
	command := &cobra.Command{
		Use: use, Short: short, Args: args,
		RunE: func(command *cobra.Command, args []string) error {
			var answer T
			if err := admin.NewClient(*socket).Call(command.Context(), http.MethodGet, path(args), nil, &answer); err != nil {
				return err
			}
			return show(w, output, answer, func(table io.Writer) { fill(table, answer) })
		},
	}
	outputFlag(command, &output)
	return command
}

// fixed is the path of a command without arguments.
func fixed(path string) func([]string) string { return func([]string) string { return path } }

// coreEach is a command that does one thing to each of some objects.
func coreEach(w world, socket *string, use, short, done, method string, path func(id string) string) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Args: cobra.MinimumNArgs(1),
		RunE: func(command *cobra.Command, ids []string) error {
			client := admin.NewClient(*socket)
			return eachOf(w, ids, done, func(id string) error {
				return client.Call(command.Context(), method, path(id), nil, nil)
			})
		},
	}
}

func coreStatusCommand(w world, d defaults) *cobra.Command {
	socket := new(string)
	command := coreShow(w, socket, "status", "Show how many hosts the core has, and what came of their tokens", cobra.NoArgs, fixed("/v1/status"),
		func(table io.Writer, s issuer.Status) {
			_, _ = fmt.Fprintf(table, "CORE\t%s\nSTARTED\t%s\nHOSTS\t%d\nLEASES\t%d\n", s.CoreID, ago(&s.Started, w.now()), s.Hosts, s.Leases)
			for _, reason := range slices.Sorted(maps.Keys(s.HostTokens)) {
				_, _ = fmt.Fprintf(table, "HOST TOKENS, %s\t%d\n", strings.ToUpper(strings.ReplaceAll(reason, "_", " ")), s.HostTokens[reason])
			}
		})
	command.Flags().StringVar(socket, "core-socket", served(d.coreSocket), "`path` of the core's admin socket")
	return command
}

func coreTokenCommand(w world, d defaults) *cobra.Command {
	command, socket := coreNoun(d, "token", "Let hosts join")
	var account, output string
	var life time.Duration
	create := &cobra.Command{
		Use:   "create",
		Short: "Make a token with which one host may join, once",
		Long: "Makes a token with which one host may join, once: `rolecall join URL --token TOKEN` on that host. It is\n" +
			"shown now and never again. A host that has joined is granted nothing: see `rolecall core grant put`.",
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			return createToken(command.Context(), w, *socket, output, issuer.JoinTokenRequest{Account: account, Seconds: int(life / time.Second)})
		},
	}
	create.Flags().StringVar(&account, "account", "", "`id` of the account that the host is to belong to; by default the first that is defined")
	create.Flags().DurationVar(&life, "ttl", time.Hour, "how long the token waits to be used, 1s to 24h")
	outputFlag(create, &output)
	command.AddCommand(create)
	return command
}

func createToken(ctx context.Context, w world, socket, output string, request issuer.JoinTokenRequest) error {
	var token issuer.JoinToken
	if err := admin.NewClient(socket).Call(ctx, http.MethodPost, "/v1/join-tokens", request, &token); err != nil {
		return err
	}
	return show(w, output, token, func(table io.Writer) {
		_, _ = fmt.Fprintf(table, "TOKEN\t%s\nACCOUNT\t%s\nEXPIRES\t%s\n", token.Token, token.Account, in(&token.Expires, w.now()))
	})
}

func coreHostCommand(w world, d defaults) *cobra.Command {
	command, socket := coreNoun(d, "host", "Show and remove the hosts that have joined")
	one := func(id string) string { return "/v1/hosts/" + id }
	command.AddCommand(
		coreShow(w, socket, "list", "List the hosts", cobra.NoArgs, fixed("/v1/hosts"), func(table io.Writer, hosts []issuer.HostStatus) {
			_, _ = fmt.Fprintln(table, "HOST\tACCOUNT\tJOINED\tLISTENING\tLEASES\tGRANTS")
			for _, h := range hosts {
				_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%t\t%d\t%s\n", h.ID, h.Account, ago(&h.Joined, w.now()), h.Listening, h.Leases, strings.Join(h.Grants, " "))
			}
		}),
		coreShow(w, socket, "show ID", "Show one host", cobra.ExactArgs(1), func(args []string) string { return one(args[0]) }, func(table io.Writer, h issuer.HostStatus) {
			_, _ = fmt.Fprintf(table, "HOST\t%s\nACCOUNT\t%s\nJOINED\t%s\nKEY SHA-256\t%s\nLISTENING\t%t\nLEASES\t%d\nGRANTS\t%s\n",
				h.ID, h.Account, ago(&h.Joined, w.now()), h.Fingerprint, h.Listening, h.Leases, strings.Join(h.Grants, " "))
		}),
		coreEach(w, socket, "rm ID...", "Remove hosts, with their grants, their leases and the sessions of their instances", "removed", http.MethodDelete, one))
	return command
}

func coreLeaseCommand(w world, d defaults) *cobra.Command {
	command, socket := coreNoun(d, "lease", "Show and end what instances belong to which hosts")
	one := func(id string) string { return "/v1/leases/" + id }
	command.AddCommand(
		coreShow(w, socket, "list", "List the instances and their hosts", cobra.NoArgs, fixed("/v1/leases"), func(table io.Writer, leases []directory.Lease) {
			_, _ = fmt.Fprintln(table, "INSTANCE\tHOST\tSINCE\tREVOKED")
			for _, l := range leases {
				_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", l.InstanceID, l.Host, ago(&l.Since, w.now()), ago(instant(l.Revoked), w.now()))
			}
		}),
		coreEach(w, socket, "release ID...", "Let other hosts have instances, and end the sessions of these", "released", http.MethodDelete, one),
		coreEach(w, socket, "revoke ID...", "End the sessions of instances; their hosts are told at once and fetch others", "revoked", http.MethodPost,
			func(id string) string { return one(id) + "/revoke" }))
	return command
}
