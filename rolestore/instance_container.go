package rolestore

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
)

// ContainerCredentials say by which form, besides EC2's, an instance that is a
// container finds the credentials of its role, or containers on it those of theirs. It is
// one of three, or none.
type ContainerCredentials struct {
	// Task is "enabled" for ECS's form
	// (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html);
	// "disabled" or empty otherwise.
	Task string `json:"task,omitempty"`
	// Pod is set for EKS's form
	// (https://docs.aws.amazon.com/eks/latest/userguide/pod-identities.html): which pod the
	// instance is. Its service account is associated with the instance's role.
	Pod Pod `json:"pod,omitzero"`
	// Node is set for EKS's form too, for a machine that many pods run on, each with a role
	// of its own: that which the file of clusters associates with its service account
	// (https://docs.aws.amazon.com/eks/latest/APIReference/API_CreatePodIdentityAssociation.html).
	Node Node `json:"node,omitzero"`
}

// Node is a node of a Kubernetes cluster.
type Node struct {
	// ClusterName is the agent's name for the cluster whose pods run there.
	ClusterName string `json:"cluster_name,omitempty"`
	// NodeName is the name that the cluster has for it, which the tokens of its pods say from
	// Kubernetes 1.30 on. Where it is set, the tokens of pods on other nodes are worth nothing.
	NodeName string `json:"node_name,omitempty"`
}

// Cluster is the agent's name for the cluster whose tokens are presented; empty if none
// are.
func (c ContainerCredentials) Cluster() string { return cmp.Or(c.Pod.ClusterName, c.Node.ClusterName) }

// Pod is a pod of a Kubernetes cluster, as the tokens of its service account name it.
type Pod struct {
	// ClusterName is the agent's name for the cluster that has issued the tokens.
	ClusterName    string `json:"cluster_name,omitempty"`
	Namespace      string `json:"namespace,omitempty"`
	ServiceAccount string `json:"service_account,omitempty"`
	Name           string `json:"name,omitempty"`
	// UID tells the pod from an earlier one of its name.
	UID string `json:"uid,omitempty"`
	// SessionTags is "disabled" for a pod whose sessions say nothing of all that; "enabled"
	// or empty otherwise, as EKS's disableSessionTags is by default
	// (https://docs.aws.amazon.com/eks/latest/userguide/pod-id-abac.html).
	SessionTags string `json:"session_tags,omitempty"`
}

var (
	// clusterName is that of EKS's CreateCluster.
	clusterName = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z_-]{0,99}$`)
	// kubernetesName is a DNS subdomain (RFC 1123), as namespaces, accounts and pods have
	// it: https://kubernetes.io/docs/concepts/overview/working-with-objects/names/
	kubernetesName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$`)
	kubernetesUID  = regexp.MustCompile(`^[0-9A-Za-z-]{1,128}$`)
)

func (c ContainerCredentials) validate() error {
	const name = "container_credentials"
	switch {
	case c.Task != "" && c.Task != "enabled" && c.Task != "disabled":
		return fmt.Errorf("%s.task %q: want enabled or disabled", name, c.Task)
	case c.Pod == Pod{} && c.Node == Node{}:
		return nil
	case c.Task == "enabled" || c.Pod != Pod{} && c.Node != Node{}:
		return errors.New(name + ": want task, pod or node: SDKs look for one of them")
	case c.Node != Node{} && !clusterName.MatchString(c.Node.ClusterName):
		return fmt.Errorf("%s.node.cluster_name %q: want the name that the file of clusters gives it", name, c.Node.ClusterName)
	case c.Node.NodeName != "" && !kubernetesName.MatchString(c.Node.NodeName):
		return fmt.Errorf("%s.node.node_name %q: %s, or leave it out", name, c.Node.NodeName, wantName)
	case c.Node != Node{}:
		return nil
	case !clusterName.MatchString(c.Pod.ClusterName):
		return fmt.Errorf("%s.pod.cluster_name %q: want the name that the file of clusters gives it", name, c.Pod.ClusterName)
	case !kubernetesUID.MatchString(c.Pod.UID):
		return fmt.Errorf("%s.pod.uid %q: want the pod's metadata.uid, which tells it from the next one of its name", name, c.Pod.UID)
	}
	if !kubernetesName.MatchString(c.Pod.Name) {
		return fmt.Errorf("%s.pod.name %q: %s", name, c.Pod.Name, wantName)
	}
	if err := CheckServiceAccount(c.Pod.Namespace, c.Pod.ServiceAccount, c.Pod.SessionTags); err != nil {
		return fmt.Errorf("%s.pod.%w", name, err)
	}
	return nil
}

const wantName = "want a name as Kubernetes has it, of small letters, digits, hyphens and dots"

// CheckServiceAccount reports what is wrong with what names a service account, and says
// whether its pods' sessions have tags: see [Pod].
func CheckServiceAccount(namespace, account, sessionTags string) error {
	switch {
	case !kubernetesName.MatchString(namespace):
		return fmt.Errorf("namespace %q: %s", namespace, wantName)
	case !kubernetesName.MatchString(account):
		return fmt.Errorf("service_account %q: %s", account, wantName)
	case !slices.Contains([]string{"", "enabled", "disabled"}, sessionTags):
		return fmt.Errorf("session_tags %q: want enabled or disabled", sessionTags)
	}
	return nil
}
