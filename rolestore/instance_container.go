package rolestore

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
)

// ContainerCredentials say by which form, besides EC2's, an instance that is a
// container finds the credentials of its role. It is one of two, or none.
type ContainerCredentials struct {
	// Task is "enabled" for ECS's form
	// (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html);
	// "disabled" or empty otherwise.
	Task string `json:"task,omitempty"`
	// Pod is set for EKS's form
	// (https://docs.aws.amazon.com/eks/latest/userguide/pod-identities.html): which pod the
	// instance is. Its service account is associated with the instance's role.
	Pod Pod `json:"pod,omitzero"`
}

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
	case c.Pod == Pod{}:
		return nil
	case c.Task == "enabled":
		return errors.New(name + ": want task or pod: SDKs look for one of the two")
	case !clusterName.MatchString(c.Pod.ClusterName):
		return fmt.Errorf("%s.pod.cluster_name %q: want the name that the file of clusters gives it", name, c.Pod.ClusterName)
	case !slices.Contains([]string{"", "enabled", "disabled"}, c.Pod.SessionTags):
		return fmt.Errorf("%s.pod.session_tags %q: want enabled or disabled", name, c.Pod.SessionTags)
	case !kubernetesUID.MatchString(c.Pod.UID):
		return fmt.Errorf("%s.pod.uid %q: want the pod's metadata.uid, which tells it from the next one of its name", name, c.Pod.UID)
	}
	for _, m := range []struct{ member, text string }{
		{"namespace", c.Pod.Namespace}, {"service_account", c.Pod.ServiceAccount}, {"name", c.Pod.Name},
	} {
		if !kubernetesName.MatchString(m.text) {
			return fmt.Errorf("%s.pod.%s %q: want a name as Kubernetes has it, of small letters, digits, hyphens and dots", name, m.member, m.text)
		}
	}
	return nil
}
