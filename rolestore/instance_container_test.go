package rolestore

import (
	"strings"
	"testing"
)

func TestHowAContainerMayFindItsCredentials(t *testing.T) {
	pod := Pod{ClusterName: "prod", Namespace: "shop", ServiceAccount: "web.v2", Name: "web-0", UID: "0f8fad5b-d9cb-469f-a165-70867728950e"}
	with := func(change func(*Pod)) ContainerCredentials {
		p := pod
		change(&p)
		return ContainerCredentials{Pod: p}
	}
	for _, test := range []struct {
		given ContainerCredentials
		want  string // the member at fault
	}{
		{ContainerCredentials{}, ""},
		{ContainerCredentials{Task: "enabled"}, ""},
		{ContainerCredentials{Task: "disabled", Pod: pod}, ""},
		{ContainerCredentials{Task: "yes"}, "container_credentials.task"},
		{ContainerCredentials{Task: "enabled", Pod: pod}, "task, pod or node"},
		{ContainerCredentials{Task: "enabled", Node: Node{ClusterName: "prod"}}, "task, pod or node"},
		{ContainerCredentials{Pod: pod, Node: Node{ClusterName: "prod"}}, "task, pod or node"},
		{ContainerCredentials{Node: Node{ClusterName: "prod"}}, ""},
		{ContainerCredentials{Node: Node{ClusterName: "pr od"}}, "node.cluster_name"},
		{ContainerCredentials{Node: Node{ClusterName: "prod", NodeName: "n1.example.com"}}, ""},
		{ContainerCredentials{Node: Node{ClusterName: "prod", NodeName: "N 1"}}, "node.node_name"},
		{ContainerCredentials{Node: Node{NodeName: "n1"}}, "node.cluster_name"},
		{with(func(p *Pod) { p.ClusterName = "" }), "pod.cluster_name"},
		{with(func(p *Pod) { p.Namespace = "Shop" }), "pod.namespace"},
		{with(func(p *Pod) { p.ServiceAccount = "" }), "pod.service_account"},
		{with(func(p *Pod) { p.Name = "web_0" }), "pod.name"},
		{with(func(p *Pod) { p.UID = "" }), "pod.uid"},
		{with(func(p *Pod) { p.SessionTags = "disabled" }), ""},
		{with(func(p *Pod) { p.SessionTags = "off" }), "pod.session_tags"},
	} {
		i := web()
		i.Containers = test.given
		err := i.Validate()
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: %v, want %q", test.given, err, test.want)
		}
	}
}
