package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/cmd/rolecall/admin"
	containers "github.com/rolecall/rolecall/imds/container"
	"github.com/rolecall/rolecall/network/nettest"
	"github.com/rolecall/rolecall/rolestore"
	"github.com/rolecall/rolecall/rolestore/hold"
	"github.com/rolecall/rolecall/rolestore/seal"
)

const podURL = "http://169.254.170.23/v1/credentials"

// clustersFile writes the file of clusters with prod, and what follows it.
func (k *kubernetes) clustersFile(more string) {
	k.h.t.Helper()
	k.h.write("clusters.yaml", "clusters:\n  - cluster_name: prod\n    issuer: https://kubernetes.default.svc\n    jwks_file: "+k.h.path("jwks.json")+"\n"+more)
}

const (
	ofWeb = "      - {namespace: shop, service_account: web, iam_instance_profile: web}\n"
	ofDB  = "      - {namespace: lab, service_account: web, iam_instance_profile: db}\n"

	associations = "    pod_identity_associations:\n"
)

// node is a machine of the cluster in a namespace of its own.
func (h *house) node(id, cluster string) *house {
	h.t.Helper()
	n := &house{t: h.t, ns: nettest.New(h.t), dir: h.dir}
	h.write(id+".yaml", "instance_id: "+id+"\niam_instance_profile: default\nattachment: {netns: "+n.ns.Path()+"}\ncontainer_credentials: {node: {cluster_name: "+cluster+", node_name: n1}}\n")
	h.instance("put", "-f", h.path(id+".yaml"))
	h.instance("wait", id)
	return n
}

// asks is what a pod on the node is answered by this token.
func (h *house) asks(token string) (status int, accessKey, text string) {
	h.t.Helper()
	status, text, err := h.request(http.MethodGet, podURL, "Authorization", token)
	if err != nil {
		return 0, "", err.Error()
	}
	var c struct{ AccessKeyID, SecretAccessKey, Token string }
	if status == http.StatusOK {
		if err := json.Unmarshal([]byte(text), &c); err != nil {
			h.t.Fatalf("%s: %v", text, err)
		}
		h.secrets = append(h.secrets, c.SecretAccessKey, c.Token)
	}
	return status, c.AccessKeyID, text
}

// gets is the access key of the pod, once it has one.
func (h *house) gets(token string) (accessKey string) {
	h.t.Helper()
	var answer string
	h.until("credentials of a pod", func() bool {
		var status int
		status, accessKey, answer = h.asks(token)
		if status != http.StatusOK && status != http.StatusServiceUnavailable {
			h.t.Fatalf("the pod is answered %d %s", status, answer)
		}
		return status == http.StatusOK
	})
	return accessKey
}

func (k *kubernetes) tokenText(namespace, pod string) string {
	k.h.t.Helper()
	text, err := os.ReadFile(k.tokenIn(namespace, pod, "first"))
	if err != nil {
		k.h.t.Fatal(err)
	}
	return string(text)
}

// podsOn are the instances that are pods on the node.
func (h *house) podsOn(node string) (pods []admin.Instance) {
	for _, i := range h.status().Instances {
		if strings.HasSuffix(i.Attachment, " on "+node) {
			pods = append(pods, i)
		}
	}
	return pods
}

// TestPodsOfANodeHaveTheRolesOfTheirAccounts has three pods on one machine, of two
// accounts: by one socket, each has the role that its account is associated with, and
// credentials of its own. What associates them changes at run time.
func TestPodsOfANodeHaveTheRolesOfTheirAccounts(t *testing.T) {
	h := newHouse(t)
	const arn = "arn:aws:eks:us-east-1:123456789012:cluster/prod"
	h.write("core.yaml", strings.Replace(guestRoles, "    instance_profiles:\n", strings.Replace(ofTheShop, "CLUSTER", arn, 1), 1))
	k := h.kubernetes()
	k.clustersFile(associations + ofWeb + ofDB)
	p := h.up("--clusters-file", h.path("clusters.yaml"))
	node := h.node(webGuest, "prod")
	shop0, shop1, lab := k.tokenText("shop", "web-0"), k.tokenText("shop", "web-1"), k.tokenText("lab", "web-2")
	keys := map[string]string{}
	for name, token := range map[string]string{"web-0": shop0, "web-1": shop1, "web-2": lab} {
		keys[name] = node.gets(token)
	}
	if keys["web-0"] == keys["web-1"] || keys["web-0"] == keys["web-2"] || keys["web-0"] == h.find(webGuest).AccessKeyID {
		t.Errorf("pods share their credentials: %v", keys)
	}
	roles := map[string]string{}
	for _, i := range h.podsOn(webGuest) {
		roles[i.AccessKeyID] = i.RoleARN
	}
	for name, role := range map[string]string{"web-0": "web", "web-1": "web", "web-2": "db"} {
		if got := roles[keys[name]]; got != "arn:aws:iam::123456789012:role/"+role {
			t.Errorf("%s has the role %q", name, got)
		}
	}
	endpoint := []string{"--endpoint-url", issuerURL}
	for name, token := range map[string]string{"web-0": shop0, "web-1": shop1, "web-2": lab} { // EKS's session tags
		if out, ok := (onePod{node, h, webGuest, token}).assumes(h, "of-the-shop", endpoint...); ok != (name == "web-0") {
			t.Errorf("%s may assume of-the-shop: %v %s", name, ok, out)
		}
	}

	// Over a restart they are the same; on another machine's socket they are nobody's.
	p.stop()
	h.up("--clusters-file", h.path("clusters.yaml"))
	if got := node.gets(shop0); got != keys["web-0"] {
		t.Errorf("after a restart the pod has %s, before %s", got, keys["web-0"])
	}
	unassociated := k.tokenText("other", "web-3")
	k.node = "n2"
	for token, want := range map[string]struct {
		status int
		says   string
	}{
		unassociated:                 {404, "no role is associated"},
		shop0 + "x":                  {400, "the service-account token is not valid"},
		k.tokenText("shop", "web-4"): {403, "not of a pod on this node"},
	} {
		if status, _, text := node.asks(token); status != want.status || !strings.Contains(text, want.says) {
			t.Errorf("%d %s, want %d %s", status, text, want.status, want.says)
		}
	}

	// A file that cannot be used changes nothing, and status says where the fault is.
	k.clustersFile(associations + ofWeb + "      - {namespace: lab, service_account: web}\n")
	h.until("status names file and line", func() bool {
		return strings.Contains(fmt.Sprint(h.status().Notes), h.path("clusters.yaml")+`:7: cluster "prod": pod_identity_associations: want an iam_instance_profile`)
	})
	if got := node.gets(lab); got != keys["web-2"] {
		t.Error("a file that cannot be used has changed what a pod has")
	}

	// An association that goes takes its pods' credentials along, one that changes replaces
	// them, and a cluster that comes is known.
	k.clustersFile(associations + strings.Replace(ofWeb, "profile: web", "profile: db", 1) +
		"  - {cluster_name: late, issuer: https://late, jwks_file: " + h.path("jwks.json") + "}\n")
	h.until("the lab's pod ends", func() bool { return len(h.podsOn(webGuest)) == 2 })
	if status, _, text := node.asks(lab); status != 404 {
		t.Errorf("without an association: %d %s", status, text)
	}
	h.until("the shop's pods have another role", func() bool {
		for _, i := range h.podsOn(webGuest) {
			if i.RoleARN != "arn:aws:iam::123456789012:role/db" || i.AccessKeyID == "" {
				return false
			}
		}
		return true
	})
	if node.gets(shop0) == keys["web-0"] {
		t.Error("a pod has the credentials of the role that it had")
	}
	late := h.node(dbGuest, "late")
	if status, _, text := late.asks(shop0); status != 400 || !strings.Contains(text, "its issuer is not the cluster's") {
		t.Errorf("a pod of prod at a node of another cluster: %d %s", status, text)
	}

	// With the node its pods end, here and at the core.
	h.instance("rm", webGuest)
	h.until("the node's pods end", func() bool { return len(h.podsOn(webGuest)) == 0 })
	h.until("their leases are released", func() bool {
		out, errs, ok := h.run("core lease list", "-o", "json", "--core-socket", h.path("run/core.sock"))
		if !ok {
			t.Fatal(errs)
		}
		return strings.Count(out, `"i-`) <= 2+strings.Count(out, dbGuest) // the host's and the other node's
	})
}

// TestNoAssociationIsWorthMoreThanTheHostsGrant has the file of clusters of a host on
// another machine name a role that the core does not grant it.
func TestNoAssociationIsWorthMoreThanTheHostsGrant(t *testing.T) {
	s, _ := newSite(t, 1)
	one := s.hosts[0]
	id := one.join(s.token("123456789012"))
	s.core("grant", "put", "one", "--host", id, "--profile", "web", "--profile", "default", "--instance-id", "i-*", "--tag-keys", strings.Join(podTagKeys, ","))
	k := one.kubernetes()
	k.clustersFile(associations + ofWeb + ofDB)
	one.start(nil, "agent", "--clusters-file", one.path("clusters.yaml")).waitFor("the core tells at once")
	node := one.node(webGuest, "prod")
	node.gets(k.tokenText("shop", "web-0"))
	if status, _, text := node.asks(k.tokenText("lab", "web-2")); status != 403 || !strings.HasPrefix(text, "Access Denied. ") {
		t.Errorf("the pod of the role that is not granted: %d %s", status, text)
	}

	// What was granted when the pod came, and is no more, ends at once.
	s.core("grant", "put", "one", "--host", id, "--profile", "default", "--instance-id", "i-*")
	one.until("the role is taken away", func() bool {
		status, _, _ := node.asks(k.tokenText("shop", "web-0"))
		return status == http.StatusForbidden
	})
}

// TestAPodIsOfItsNode as long as nothing that tells it from others is another.
func TestAPodIsOfItsNode(t *testing.T) {
	now := time.Unix(1e9, 0)
	p := newPods()
	if p.idle("i-1", now) != 0 || p.idle("i-1", now.Add(time.Hour)) != time.Hour {
		t.Error("a pod that never asked is idle since it is known")
	}
	p.saw("i-1", now.Add(2*time.Hour))
	if got := p.idle("i-1", now.Add(3*time.Hour)); got != time.Hour {
		t.Errorf("idle for %s", got)
	}
	node := rolestore.Instance{ID: webGuest, Incarnation: rolestore.NewIncarnation(), Containers: rolestore.ContainerCredentials{Node: rolestore.Node{ClusterName: "prod"}}}
	pod := rolestore.Pod{Namespace: "a", ServiceAccount: "b", Name: "c", UID: "d"}
	ids := map[string]bool{podID(node, pod): true}
	other := node
	other.Incarnation = rolestore.NewIncarnation()
	ids[podID(other, pod)] = true
	other = node
	other.Containers.Node.ClusterName = "lab"
	ids[podID(other, pod)] = true
	for _, change := range []func(*rolestore.Pod){
		func(p *rolestore.Pod) { p.Namespace = "x" }, func(p *rolestore.Pod) { p.ServiceAccount = "x" },
		func(p *rolestore.Pod) { p.Name = "x" }, func(p *rolestore.Pod) { p.UID = "x" },
		func(p *rolestore.Pod) { p.Namespace, p.ServiceAccount = "ab", "" },
	} {
		next := pod
		change(&next)
		ids[podID(node, next)] = true
	}
	if len(ids) != 8 {
		t.Errorf("of 8 pods there are %d ids", len(ids))
	}
}

// TestANodeHasSoManyPods puts one more than the most on a node, and tells which ends.
func TestANodeHasSoManyPods(t *testing.T) {
	keyring, err := seal.Create(filepath.Join(t.TempDir(), "keys"))
	if err != nil {
		t.Fatal(err)
	}
	identity, err := hold.OpenAgent(hold.AgentConfig{Path: filepath.Join(t.TempDir(), "agent.db"), Keyring: keyring})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = identity.Close() }()
	now := time.Unix(1e9, 0)
	a := &agentHalf{
		identity: identity, pods: newPods(), link: newLink(), logger: slog.New(slog.DiscardHandler), profiles: anyProfile{},
		world: world{now: func() time.Time { return now }}, options: agentOptions{sessionDuration: time.Hour},
		clusters: &clusters{byName: map[string]*cluster{"prod": {fileCluster: fileCluster{Associations: []fileAssociation{{Namespace: "shop", ServiceAccount: "web", Profile: "web"}}}}}},
	}
	node := rolestore.Instance{ID: webGuest, Attachment: rolestore.Attachment{Interface: "tap0"}, Containers: rolestore.ContainerCredentials{Node: rolestore.Node{ClusterName: "prod"}}}
	stored, err := identity.Put(hold.Registration{Instance: node})
	if err != nil {
		t.Fatal(err)
	}
	node = stored.Instance
	var all []hold.Registration
	for n := range maxPods {
		pod := rolestore.Pod{ClusterName: "prod", Namespace: "shop", ServiceAccount: "web", Name: fmt.Sprint("web-", n), UID: "1"}
		all = append(all, hold.Registration{Node: webGuest, Instance: rolestore.Instance{ID: podID(node, pod), Containers: rolestore.ContainerCredentials{Pod: pod}}})
	}
	if _, err := identity.PutAll(all); err != nil {
		t.Fatal(err)
	}
	one := rolestore.Pod{Namespace: "shop", ServiceAccount: "web", Name: "one-more", UID: "1"}
	if _, err := a.pod(t.Context(), node, one); !errors.Is(err, containers.ErrTooManyPods) {
		t.Errorf("one more: %v", err)
	}
	known := all[0].Instance.Containers.Pod
	if id, err := a.pod(t.Context(), node, known); err != nil || id != all[0].Instance.ID {
		t.Errorf("one of those there are: %s %v", id, err)
	}
	ends := func(says string) {
		t.Helper()
		if got := a.podEnds(all[0]); got != "" != (says != "") || !strings.Contains(got, says) {
			t.Errorf("it ends as %q, want %q", got, says)
		}
	}
	now = now.Add(time.Hour)
	ends("")
	now = now.Add(time.Second)
	ends("not asked")
	if _, err := a.pod(t.Context(), node, known); err != nil {
		t.Fatal(err)
	}
	ends("")
	if err := identity.RemoveInstance(webGuest); err != nil {
		t.Fatal(err)
	}
	ends("its node has ended")
}

// anyProfile finds a profile by any name.
type anyProfile struct{}

func (anyProfile) find(name string) (rolestore.InstanceProfile, error) {
	return rolestore.InstanceProfile{ARN: "arn:aws:iam::123456789012:instance-profile/" + name}, nil
}
