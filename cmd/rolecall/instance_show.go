package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rolecall/rolecall/cmd/rolecall/admin"
)

func instanceList(w world, socket *string) *cobra.Command {
	var output string
	command := &cobra.Command{
		Use:   "list",
		Short: "List the instances of this host",
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			instances, err := admin.NewClient(*socket).List(command.Context())
			if err != nil {
				return err
			}
			return show(w, output, instances, func(table io.Writer) { listInstances(table, w, instances) })
		},
	}
	outputFlag(command, &output)
	return command
}

func instanceShow(w world, socket *string) *cobra.Command {
	var output string
	command := &cobra.Command{
		Use:   "show ID",
		Short: "Show one instance",
		Args:  cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, ids []string) error {
			i, err := admin.NewClient(*socket).Instance(command.Context(), ids[0])
			if err != nil {
				return err
			}
			return show(w, output, i, func(table io.Writer) { describeInstance(table, w, i) })
		},
	}
	outputFlag(command, &output)
	return command
}

func listInstances(table io.Writer, w world, instances []admin.Instance) {
	now := w.now()
	_, _ = fmt.Fprintln(table, "INSTANCE\tSTATE\tATTACHMENT\tROLE\tVALID FOR\tFAILURES")
	for _, i := range instances {
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%d\n", i.ID, i.State, i.Attachment,
			cmp.Or(i.RoleARN, "-"), span(i.Expiration, now), i.Failures)
	}
}

func describeInstance(table io.Writer, w world, i admin.Instance) {
	now := w.now()
	line := func(name, value string) {
		if value != "" {
			_, _ = fmt.Fprintf(table, "%s\t%s\n", name, value)
		}
	}
	line("INSTANCE", i.ID)
	line("STATE", string(i.State))
	line("REASON", i.StateReason)
	line("ATTACHMENT", i.Attachment)
	line("ENDPOINTS", strings.Join(i.Endpoints, " "))
	line("ROLE", cmp.Or(i.RoleARN, "-"))
	line("ACCESS KEY", i.AccessKeyID)
	line("VALID FOR", span(i.Expiration, now))
	line("REFRESHED", ago(i.LastRefresh, now))
	line("NEXT REFRESH", in(i.NextRefresh, now))
	line("FAILURES", fmt.Sprint(i.Failures))
	line("LAST ERROR", i.LastError)
	if r := i.LastRefusal; r != nil {
		line("LAST REFUSAL", fmt.Sprintf("%s: %q from %s got %d: %s", ago(&r.Time, now), r.Path, r.Peer, r.Status, r.Reason))
		line("REMEDY", r.Remedy)
	}
	for _, m := range definition(i.Definition) {
		line(m.name, m.value)
	}
}

type member struct{ name, value string }

// definition is what an instance was put as, by the names that a file has, but for what
// is shown before it.
func definition(d *admin.Document) []member {
	if d == nil {
		return nil
	}
	text, err := json.Marshal(d)
	if err != nil {
		return nil // no document is without a form in JSON
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	_, _ = decoder.Token() // the brace
	var all []member
	for decoder.More() {
		name, _ := decoder.Token()
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return all
		}
		m := member{name: fmt.Sprint(name), value: strings.Trim(string(value), `"`)}
		switch m.name {
		case "instance_id", "iam_instance_profile", "attachment":
			continue
		case "user_data", "user_data_base64":
			m.value = fmt.Sprintf("%d characters: see -o json", len(d.UserData)+len(d.UserDataBase64))
		}
		all = append(all, m)
	}
	return all
}

// told prints in one line what is served where, or what it waits for.
func told(w world, i admin.Instance) error {
	text := "no role"
	if i.RoleARN != "" {
		text = "role " + i.RoleARN
	}
	if i.State == admin.StateAttached {
		text += fmt.Sprintf(", served on %s at %s", i.Attachment, strings.Join(i.Endpoints, " and "))
	}
	if missing := i.Missing(); missing != "" {
		text += ", " + missing
	}
	_, err := fmt.Fprintf(w.stdout, "%s: %s\n", i.ID, text)
	return err
}
