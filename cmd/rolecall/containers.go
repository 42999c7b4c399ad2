package main

import (
	"fmt"
	"maps"
	"net"
	"slices"

	"github.com/spf13/cobra"

	"github.com/rolecall/rolecall/cmd/rolecall/admin"
	"github.com/rolecall/rolecall/imds"
	containers "github.com/rolecall/rolecall/imds/container"
	"github.com/rolecall/rolecall/network"
	"github.com/rolecall/rolecall/rolestore"
)

// forms are the network's addresses in the words of the metadata server.
var forms = map[network.ServedTo]imds.Form{
	network.Instances: imds.Metadata, network.Tasks: imds.Task, network.Pods: imds.Pod,
}

// openMetadata reads the file of clusters, which need not be there unless somebody asks
// for it by name, and makes the metadata server, without an instance.
func (a *agentHalf) openMetadata() error {
	path := a.options.clustersFile
	optional := path == defaultsFor(a.world.uid, a.world.env).clustersFile
	var err error
	if a.clusters, err = openClusters(a, path, optional); err != nil {
		return err
	}
	a.imds = imds.New(imds.Config{
		Identify: a.identify, Form: formOf, Cluster: a.clusters.find, Pod: a.pod,
		Tokens: a.tokens, Signs: true, Now: a.world.now, Logger: a.logger.With("room", "imds"),
		Requests: atMost(a.options.requestRate), NewTokens: atMost(a.options.tokenRate),
	})
	return nil
}

// formOf says in which form a connection is answered: that of its address.
func formOf(c net.Conn) imds.Form {
	conn, ok := c.(*network.Conn)
	if !ok {
		return imds.Metadata
	}
	return forms[conn.ServedTo()]
}

// withContainers is a way that is served at the addresses of the instance's form too.
func withContainers(way network.Attachment, i rolestore.Instance, ipv6 bool) network.Attachment {
	switch c := i.Containers; {
	case c.Task == "enabled":
		return way.WithTasks()
	case c.Cluster() != "":
		return way.WithPods(ipv6)
	}
	return way
}

// tokenFile is where EKS has the token mounted
// (https://docs.aws.amazon.com/eks/latest/userguide/pod-id-how-it-works.html).
const tokenFile = "/var/run/secrets/pods.eks.amazonaws.com/serviceaccount/eks-pod-identity-token"

// Environment implements [admin.View].
func (a *agentHalf) Environment(id string) (map[string]string, error) {
	r, ok := a.identity.Registration(id)
	switch c := r.Instance.Containers; {
	case !ok:
		return nil, fmt.Errorf("%w: instance %s is not registered here", admin.ErrNotFound, id)
	case c.Task == "enabled":
		return map[string]string{"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": containers.TaskPath + containers.ID(r.Instance)}, nil
	case c.Cluster() != "":
		return map[string]string{
			"AWS_CONTAINER_CREDENTIALS_FULL_URI":     "http://169.254.170.23" + containers.PodPath,
			"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": tokenFile,
		}, nil
	}
	return nil, fmt.Errorf("%w: instance %s finds its credentials in EC2's way, which takes no variables: for ECS's, set container_credentials.task to enabled", admin.ErrConflict, id)
}

func instanceEnv(w world, socket *string) *cobra.Command {
	return &cobra.Command{
		Use:   "env ID",
		Short: "Print the variables by which a container finds its credentials; they are secret",
		Long: "Prints the variables by which an instance with container_credentials finds its credentials, one\n" +
			"a line, as `docker run --env-file` takes them. That of ECS's form holds a secret, which is another\n" +
			"one when the instance has ended or has another role.",
		Args: cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, ids []string) error {
			variables, err := admin.NewClient(*socket).Environment(command.Context(), ids[0])
			if err != nil {
				return err
			}
			for _, name := range slices.Sorted(maps.Keys(variables)) {
				if _, err := fmt.Fprintf(w.stdout, "%s=%s\n", name, variables[name]); err != nil {
					return err
				}
			}
			return nil
		},
	}
}
