package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"

	"github.com/spf13/cobra"

	"github.com/rolecall/rolecall/cmd/rolecall/admin"
	"github.com/rolecall/rolecall/rolestore/issuer"
)

func credentialsCommand(w world, d defaults) *cobra.Command {
	var socket, account string
	var env, process bool
	command := &cobra.Command{
		Use:   "credentials",
		Short: "Get an administrator's session of one hour from the core on this machine",
		Long: "Gets an administrator's session of one hour from the core on this machine. Whoever may open the core's\n" +
			"admin socket gets one: root and the group rolecall.\n\n" +
			"  eval \"$(rolecall core credentials)\"                          for a shell\n" +
			"  credential_process = rolecall core credentials --process     for ~/.aws/config",
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			var session adminSession
			err := admin.NewClient(socket).Call(command.Context(), http.MethodPost, "/v1/credentials", issuer.SessionRequest{Account: account}, &session)
			if err != nil {
				return err
			}
			if !session.plain() {
				return fmt.Errorf("what answers on %s is no core: its credentials have characters that no core's have", socket)
			}
			if process {
				encoder := json.NewEncoder(w.stdout)
				encoder.SetIndent("", "  ")
				return encoder.Encode(session.Session)
			}
			_, err = fmt.Fprintf(w.stdout, "export AWS_ACCESS_KEY_ID=%s\nexport AWS_SECRET_ACCESS_KEY=%s\nexport AWS_SESSION_TOKEN=%s\n",
				session.AccessKeyID, session.SecretAccessKey, session.SessionToken)
			return err
		},
	}
	f := command.Flags()
	f.StringVar(&socket, "core-socket", served(d.coreSocket), "`path` of the core's admin socket")
	f.StringVar(&account, "account", "", "`id` of the account; by default the first that is defined")
	f.BoolVar(&env, "env", false, "print shell exports (the default)")
	f.BoolVar(&process, "process", false, "print JSON for credential_process")
	command.MarkFlagsMutuallyExclusive("env", "process")
	return command
}

// adminSession is what the socket's owner says, which a shell is about to read.
type adminSession struct{ issuer.Session }

var base64Text = regexp.MustCompile(`^[A-Za-z0-9+/=]+$`)

// plain reports whether nothing in the session means anything to a shell.
func (s adminSession) plain() bool {
	return base64Text.MatchString(s.AccessKeyID) && base64Text.MatchString(s.SecretAccessKey) && base64Text.MatchString(s.SessionToken)
}
