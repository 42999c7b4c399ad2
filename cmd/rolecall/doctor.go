package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rolecall/rolecall/cmd/rolecall/admin"
	"github.com/rolecall/rolecall/cmd/rolecall/doctor"
)

// environmentFile is what everybody who logs in gets (pam_env(8)).
const environmentFile = "/etc/environment"

func doctorCommand(w world, d defaults) *cobra.Command {
	var socket, output string
	command := &cobra.Command{
		Use:   "doctor",
		Short: "Find out why programs get no credentials, and what to do",
		Long: "Asks the running agent, and looks at this machine's firewall, kernel settings, proxies and clock. Changes nothing.\n" +
			"Ends with status 1 if something is wrong that keeps somebody from credentials.",
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			client := admin.NewClient(socket)
			findings := doctor.Examine(command.Context(), doctor.Host{
				Self: self(w), Env: w.env, Environment: environmentFile, Now: w.now,
				Status:  func(ctx context.Context) (admin.Status, error) { return client.Status(ctx) },
				Unheard: unheard,
			})
			return printFindings(w, output, findings)
		},
	}
	command.Flags().StringVar(&socket, "admin-socket", served(d.adminSocket), "`path` of the agent's admin socket")
	outputFlag(command, &output)
	return command
}

// printFindings returns an error if there is one among them.
func printFindings(w world, output string, findings []doctor.Finding) error {
	switch output {
	case "json":
		encoder := json.NewEncoder(w.stdout)
		encoder.SetIndent("", "  ")
		encoder.SetEscapeHTML(false) // of remedies, which are for a shell
		if err := encoder.Encode(map[string][]doctor.Finding{"findings": findings}); err != nil {
			return err
		}
	case "table":
		if err := describeFindings(w.stdout, findings); err != nil {
			return err
		}
	default:
		return fmt.Errorf("-o %s: want json or table", output)
	}
	errs := 0
	for _, f := range findings {
		if f.Severity == doctor.Error {
			errs++
		}
	}
	switch errs {
	case 0:
		return nil
	case 1:
		return errors.New("1 error is to be mended: see above")
	}
	return fmt.Errorf("%d errors are to be mended: see above", errs)
}

func describeFindings(to io.Writer, findings []doctor.Finding) error {
	var b strings.Builder
	wrong := false
	for _, f := range findings {
		wrong = wrong || f.Severity != doctor.Information
		fmt.Fprintf(&b, "%s: %s\n", strings.ToUpper(string(f.Severity)), f.What)
		if f.Where != "" {
			fmt.Fprintf(&b, "  where:  %s\n", f.Where)
		}
		if f.Remedy != "" {
			fmt.Fprintf(&b, "  remedy: %s\n", f.Remedy)
		}
		b.WriteString("\n")
	}
	if !wrong {
		b.WriteString("Nothing is wrong.\n")
	}
	_, err := io.WriteString(to, b.String())
	return err
}
