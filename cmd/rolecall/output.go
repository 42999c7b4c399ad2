package main

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

// outputFlag adds the flag that every command has which shows something.
func outputFlag(command *cobra.Command, output *string) {
	command.Flags().StringVarP(output, "output", "o", "table", "`form`: json or table")
}

// inForm prints v as JSON, or what text prints.
func inForm(w world, output string, v any, text func() error) error {
	switch output {
	case "json":
		encoder := json.NewEncoder(w.stdout)
		encoder.SetIndent("", "  ")
		return encoder.Encode(v)
	case "table":
		return text()
	}
	return fmt.Errorf("-o %s: want json or table", output)
}

// show is inForm of one table, which fill fills.
func show(w world, output string, v any, fill func(table io.Writer)) error {
	return inForm(w, output, v, func() error {
		table := tabwriter.NewWriter(w.stdout, 0, 0, 2, ' ', 0)
		fill(table)
		return table.Flush()
	})
}
