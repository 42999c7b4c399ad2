package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/rolecall/rolecall/cmd/rolecall/admin"
	"github.com/rolecall/rolecall/rolestore"
)

// patient is how long `wait` waits by default: a device and credentials that are
// coming at all are there by then.
const patient = 30 * time.Second

func instanceCommand(w world, d defaults) *cobra.Command {
	var socket string
	command := &cobra.Command{
		Use:   "instance",
		Short: "Say which machines behind this host have which role",
		Args:  cobra.NoArgs,
	}
	command.PersistentFlags().StringVar(&socket, "admin-socket", served(d.adminSocket), "`path` of the agent's admin socket")
	command.AddCommand(instancePut(w, &socket), instanceList(w, &socket), instanceShow(w, &socket),
		instanceRemove(w, &socket), instanceRevoke(w, &socket), instanceWait(w, &socket), instanceEnv(w, &socket), instanceEvent(w, &socket))
	return command
}

func instancePut(w world, socket *string) *cobra.Command {
	var files []string
	var q quick
	command := &cobra.Command{
		Use:   "put -f FILE",
		Short: "Register instances, or change those that are there",
		Long: "Registers instances, or changes those that are there. An instance is a file of YAML or JSON,\n" +
			"or - for standard input; several are put in the order of the command line:\n\n" +
			"  instance_id: i-0123456789abcdef0\n" +
			"  iam_instance_profile: web\n" +
			"  attachment: {interface: tap-web}\n\n" +
			"Besides metadata_options, placement and user_data (or user_data_base64) it may say what the\n" +
			"instance is told of itself: image_id, ancestor_ami_ids, ami_launch_index, reservation_id, kernel_id,\n" +
			"ramdisk_id, instance_type, instance_lifecycle, architecture, hypervisor, monitoring, hostname,\n" +
			"private_ipv4, mac, security_groups, network_interfaces, block_devices, product_codes, public_keys\n" +
			"and tags. testdata/instances/full.yaml in Rolecall's repository has all of them, and `instance show`\n" +
			"prints those of an instance. Put again with others, it is told them from its next request on;\n\n" +
			"or, without a file, and with a new id if none is given:\n\n" +
			"  rolecall instance put --profile web --interface tap-web",
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			documents, err := q.documents(command, files)
			if err != nil {
				return err
			}
			client := admin.NewClient(*socket)
			for _, d := range documents {
				i, err := client.Put(command.Context(), d)
				if err != nil {
					return fmt.Errorf("instance %s: %w", d.InstanceID, err)
				}
				if err := told(w, i); err != nil {
					return err
				}
			}
			return nil
		},
	}
	command.Flags().StringArrayVarP(&files, "file", "f", nil, "`file` with an instance, or - for standard input; may be given again")
	q.flags(command)
	return command
}

// quick is an instance in flags.
type quick struct {
	names    []string // of its flags
	document admin.Document
}

func (q *quick) flags(command *cobra.Command) {
	f, a := command.Flags(), &q.document.Attachment
	f.StringVar(&q.document.InstanceID, "id", "", "`id` of the instance; by default a new one")
	f.StringVar(&q.document.Profile.Reference, "profile", "", "`name` or ARN of the instance profile; by default the instance has no role")
	f.StringVar(&a.Interface, "interface", "", "`device` behind which there is this instance alone, such as a tap")
	f.StringVar(&a.Netns, "netns", "", "`path` of the network namespace that is the instance, or that --interface is in")
	f.StringVar(&a.Bridge, "bridge", "", "`bridge` that the instance is behind")
	f.StringVar(&a.Port, "port", "", "`device` that is the instance's port of the bridge")
	f.StringVar(&a.Address, "address", "", "IPv4 `address` of the instance on the bridge")
	f.StringVar(&a.IPv6Address, "ipv6-address", "", "IPv6 `address` of the instance on the bridge")
	f.StringVar(&a.MAC, "mac", "", "Ethernet `address` of the instance on the bridge")
	f.StringVar(&a.Reattach, "reattach", "", "`"+rolestore.ReattachName+"`: the device's name is enough to know the instance by, when it comes back")
	q.names = []string{"id", "profile", "interface", "netns", "bridge", "port", "address", "ipv6-address", "mac", "reattach"}
}

// documents are the instances that the command line means. All of them are read
// before the first is put.
func (q *quick) documents(command *cobra.Command, files []string) ([]admin.Document, error) {
	given := false
	for _, name := range q.names {
		given = given || command.Flags().Changed(name)
	}
	switch {
	case given && len(files) > 0:
		return nil, errors.New("an instance is in a file or in flags: leave out -f or the other flags")
	case given:
		if q.document.InstanceID == "" {
			q.document.InstanceID = rolestore.NewInstanceID()
		}
		return []admin.Document{q.document}, q.document.Validate()
	case len(files) == 0:
		return nil, errors.New("no instance is given: name its file with -f, or see --help")
	}
	var documents []admin.Document
	for _, path := range files {
		d, err := readInstanceOr(command.InOrStdin(), path)
		if err != nil {
			return nil, err
		}
		documents = append(documents, d)
	}
	return documents, nil
}

// readInstanceOr is readInstance, and - is stdin.
func readInstanceOr(stdin io.Reader, path string) (admin.Document, error) {
	if path != "-" {
		return readInstance(path)
	}
	text, err := io.ReadAll(stdin)
	if err != nil {
		return admin.Document{}, fmt.Errorf("read instance: standard input: %w", err)
	}
	return parseInstance("standard input", text)
}

func instanceRemove(w world, socket *string) *cobra.Command {
	return instanceEach(w, socket, "rm", "End instances: their tokens, credentials and what serves them", "removed", (*admin.Client).Remove)
}

func instanceRevoke(w world, socket *string) *cobra.Command {
	return instanceEach(w, socket, "revoke", "End the credentials that instances have, wherever they are known, and fetch others", "revoked", (*admin.Client).Revoke)
}

// instanceEach is a command that does one thing to each of some instances.
func instanceEach(w world, socket *string, use, short, done string, do func(*admin.Client, context.Context, string) error) *cobra.Command {
	return &cobra.Command{
		Use:   use + " ID...",
		Short: short,
		Args:  cobra.MinimumNArgs(1),
		RunE: func(command *cobra.Command, ids []string) error {
			client := admin.NewClient(*socket)
			return eachOf(w, ids, done, func(id string) error { return do(client, command.Context(), id) })
		},
	}
}

// eachOf does something to all of ids: one that it fails for keeps no other from it.
func eachOf(w world, ids []string, done string, do func(id string) error) error {
	var errs []error
	for _, id := range ids {
		err := do(id)
		if err == nil {
			_, err = fmt.Fprintf(w.stdout, "%s: %s\n", id, done)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func instanceWait(w world, socket *string) *cobra.Command {
	var timeout time.Duration
	command := &cobra.Command{
		Use:   "wait ID",
		Short: "Wait until an instance is attached and its first credentials are there",
		Args:  cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, ids []string) error {
			i, err := admin.NewClient(*socket).Ready(command.Context(), ids[0], timeout)
			if err != nil {
				return err
			}
			return told(w, i)
		},
	}
	command.Flags().DurationVar(&timeout, "timeout", patient, "how long to wait, 0s to 5m")
	return command
}
