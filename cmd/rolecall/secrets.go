package main

import (
	"encoding/json"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/rolecall/rolecall/cmd/rolecall/admin"
	"github.com/rolecall/rolecall/rolestore/issuer"
)

func secretsCommand(w world, d defaults) *cobra.Command {
	var socket string
	command := &cobra.Command{
		Use:   "secrets",
		Short: "Show, once, the secrets that the core made for users of core.yaml",
		Long: "Shows the secrets of access keys and the seeds of MFA devices that core.yaml left to the core to make.\n" +
			"Each is shown once: whoever loses it takes the key out of the file, and puts it in again.",
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			var made []issuer.Secret
			if err := admin.NewClient(socket).Call(command.Context(), http.MethodPost, "/v1/secrets", struct{}{}, &made); err != nil {
				return err
			}
			encoder := json.NewEncoder(w.stdout)
			encoder.SetIndent("", "  ")
			return encoder.Encode(made)
		},
	}
	command.Flags().StringVar(&socket, "core-socket", served(d.coreSocket), "`path` of the core's admin socket")
	return command
}
