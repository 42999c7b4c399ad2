package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rolecall/rolecall/cmd/rolecall/admin"
	"github.com/rolecall/rolecall/rolestore/issuer"
	"github.com/rolecall/rolecall/rolestore/issuer/directory"
)

func coreGrantCommand(w world, d defaults) *cobra.Command {
	command, socket := coreNoun(d, "grant", "Say which hosts may have which roles for which instances")
	var account string
	remove := coreEach(w, socket, "rm NAME...", "Take grants away: the hosts are told at once, and the sessions end", "removed", http.MethodDelete,
		func(name string) string {
			return "/v1/grants/" + url.PathEscape(name) + "?account=" + url.QueryEscape(account)
		})
	remove.Flags().StringVar(&account, "account", "", "`id` of the account; by default the first that is defined")
	command.AddCommand(coreGrantPut(w, socket),
		coreShow(w, socket, "list", "List the grants", cobra.NoArgs, fixed("/v1/grants"), listGrants), remove)
	return command
}

func coreGrantPut(w world, socket *string) *cobra.Command {
	var request issuer.GrantRequest
	var output string
	command := &cobra.Command{
		Use:   "put NAME",
		Short: "Make a grant, or replace the one of that name",
		Long: "Makes a grant, or replaces the one of that name: lets a host fetch the roles of instance profiles for\n" +
			"instances. Whoever makes it must be allowed iam:PassRole on each of the roles.\n\n" +
			"  rolecall core grant put web --host h-0123456789abcdef0 --profile web --instance-id 'i-*'",
		Args: cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			var grant directory.Grant
			err := admin.NewClient(*socket).Call(command.Context(), http.MethodPut, "/v1/grants/"+url.PathEscape(args[0]), request, &grant)
			if err != nil {
				return err
			}
			return show(w, output, grant, func(table io.Writer) { listGrants(table, []directory.Grant{grant}) })
		},
	}
	f := command.Flags()
	f.StringVar(&request.Host, "host", "", "`id` of the host")
	f.StringSliceVar(&request.InstanceProfiles, "profile", nil, "`name` or ARN of an instance profile of the host's account; may be given again")
	f.StringSliceVar(&request.InstanceIDs, "instance-id", nil, "`id` of an instance, or a pattern that begins with i-; may be given again")
	f.StringVar(&request.Region, "region", "", "`region` that the instances are in, for ec2:SourceInstanceARN; "+directory.DefaultRegion+" if not given")
	f.StringToStringVar(&request.Tags, "tag", nil, "`KEY=VALUE` that the sessions are tagged with; may be given again")
	f.StringSliceVar(&request.TagKeys, "tag-keys", nil, "`keys` of session tags that the host may set for each instance: for pods "+strings.Join(podTagKeys, ","))
	outputFlag(command, &output)
	return command
}

func listGrants(table io.Writer, grants []directory.Grant) {
	_, _ = fmt.Fprintln(table, "GRANT\tACCOUNT\tHOST\tPROFILES\tINSTANCES\tREGION\tTAGS\tTAG KEYS\tBY")
	for _, g := range grants {
		var profiles, tags []string
		for _, arn := range g.InstanceProfiles {
			profiles = append(profiles, nameOf(arn))
		}
		for _, k := range slices.Sorted(maps.Keys(g.Tags)) {
			tags = append(tags, k+"="+g.Tags[k])
		}
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", g.Name, g.Account, g.Host, strings.Join(profiles, " "),
			strings.Join(g.InstanceIDs, " "), cmp.Or(g.Region, directory.DefaultRegion), strings.Join(tags, " "), strings.Join(g.TagKeys, " "), g.GrantedBy)
	}
}
