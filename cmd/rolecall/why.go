package main

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/rolecall/rolecall/cmd/rolecall/admin"
	"github.com/rolecall/rolecall/rolestore/issuer/hosts"
	"github.com/rolecall/rolecall/rolestore/issuer/sts"
)

func whyCommand(w world, d defaults) *cobra.Command {
	var socket, output string
	var q sts.Question
	var context []string
	command := &cobra.Command{
		Use:   "why",
		Short: "Explain a decision: which statement of which policy allows or denies something, and which condition key is missing",
		Example: "  rolecall why --principal arn:aws:iam::123456789012:user/alice --action sts:AssumeRole \\\n" +
			"    --resource arn:aws:iam::123456789012:role/reports --context sts:ExternalId=x1\n" +
			"  rolecall why --instance i-0123456789abcdef0",
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			var err error
			if q.Instance == "" && (q.Principal == "" || q.Action == "") {
				return errors.New("say --principal and --action, or --instance")
			}
			if q.Instance != "" && !command.Flags().Changed("resource") {
				q.Resource = "" // the instance's role
			}
			if q.Context, err = conditionKeys(context); err != nil {
				return err
			}
			var answer sts.Answer
			if err := admin.NewClient(socket).Call(command.Context(), http.MethodPost, "/v1/why", q, &answer); err != nil {
				return err
			}
			return inForm(w, output, answer, func() error { return printAnswer(w, answer) })
		},
	}
	f := command.Flags()
	f.StringVar(&q.Principal, "principal", "", "`ARN` of a user, a role, a role's session, a SAML provider or an account's root, or the name of a service")
	f.StringVar(&q.Action, "action", "", "`service:Name`, as in sts:AssumeRole")
	f.StringVar(&q.Resource, "resource", "*", "`ARN` of what is acted on; with --instance, of the role")
	f.StringVar(&q.Instance, "instance", "", "`id` of an instance: would its host be given its role, and why")
	f.StringArrayVar(&context, "context", nil, "condition key and its value, `key=value`; again for another value or key")
	f.StringVar(&socket, "core-socket", served(d.coreSocket), "`path` of the core's admin socket")
	outputFlag(command, &output)
	command.MarkFlagsMutuallyExclusive("instance", "principal")
	command.MarkFlagsMutuallyExclusive("instance", "action")
	return command
}

func conditionKeys(pairs []string) (map[string][]string, error) {
	keys := map[string][]string{}
	for _, pair := range pairs {
		key, value, ok := strings.Cut(pair, "=")
		if !ok || !strings.Contains(key, ":") {
			return nil, fmt.Errorf("--context %q: want key=value, as in sts:ExternalId=x1", pair)
		}
		keys[key] = append(keys[key], value)
	}
	return keys, nil
}

func printAnswer(w world, a sts.Answer) error {
	_, _ = fmt.Fprintln(w.stdout, strings.TrimSpace(a.Effect+" "+a.Because))
	if len(a.Missing) > 0 {
		_, _ = fmt.Fprintln(w.stdout, "The request lacks "+strings.Join(a.Missing, ", "))
	}
	_, _ = fmt.Fprintln(w.stdout)
	if a.Instance != nil {
		printStanding(w, *a.Instance)
	}
	if len(a.Statements) == 0 {
		return nil
	}
	table := tabwriter.NewWriter(w.stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "POLICY\tSTATEMENT\tEFFECT\tTYPE\tSAYS")
	for _, s := range a.Statements {
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", s.Policy, s.Statement, s.Effect, s.PolicyType, says(s))
	}
	return table.Flush()
}

// printStanding shows what is there of an instance, in the order in which it is asked.
func printStanding(w world, s hosts.Standing) {
	table := tabwriter.NewWriter(w.stdout, 0, 0, 2, ' ', 0)
	leased := "none: no host has asked yet"
	if !s.Leased.IsZero() {
		leased = "since " + ago(&s.Leased, w.now())
	}
	for _, row := range [][2]string{{"INSTANCE", s.InstanceID}, {"LEASE", leased}, {"HOST", s.Host}, {"GRANT", s.Grant}, {"PROFILE", s.InstanceProfile}, {"ROLE", s.RoleARN},
		{"TAG KEYS", strings.Join(s.TagKeys, " ")}} {
		_, _ = fmt.Fprintf(table, "%s\t%s\n", row[0], cmp.Or(row[1], "none"))
	}
	_, _ = fmt.Fprintln(table)
	_ = table.Flush() // as for what comes before and after it
}

func says(s sts.StatementSaid) string {
	switch {
	case s.Decided:
		return "applies, and decides"
	case s.Applies:
		return "applies"
	case len(s.Conditions) == 0:
		return "another " + s.Element
	}
	text := "does not hold: " + strings.Join(s.Conditions, "; ")
	if len(s.Missing) > 0 {
		text += " (the request lacks " + strings.Join(s.Missing, ", ") + ")"
	}
	return text
}
