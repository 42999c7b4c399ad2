package main

import (
	"fmt"
	"net/http"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/rolecall/rolecall/cmd/rolecall/admin"
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
			"    --resource arn:aws:iam::123456789012:role/reports --context sts:ExternalId=x1",
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			var err error
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
	f.StringVar(&q.Principal, "principal", "", "`ARN` of a user, a role, a role's session or an account's root, or the name of a service")
	f.StringVar(&q.Action, "action", "", "`service:Name`, as in sts:AssumeRole")
	f.StringVar(&q.Resource, "resource", "*", "`ARN` of what is acted on")
	f.StringArrayVar(&context, "context", nil, "condition key and its value, `key=value`; again for another value or key")
	f.StringVar(&socket, "core-socket", served(d.coreSocket), "`path` of the core's admin socket")
	outputFlag(command, &output)
	for _, flag := range []string{"principal", "action"} {
		_ = command.MarkFlagRequired(flag) // they are there
	}
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
	table := tabwriter.NewWriter(w.stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "POLICY\tSTATEMENT\tEFFECT\tTYPE\tSAYS")
	for _, s := range a.Statements {
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", s.Policy, s.Statement, s.Effect, s.PolicyType, says(s))
	}
	return table.Flush()
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
