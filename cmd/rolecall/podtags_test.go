package main

import (
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/network/nettest"
	"github.com/rolecall/rolecall/rolestore/issuer"
	"github.com/rolecall/rolecall/rolestore/issuer/directory"
)

// ofTheShop is a role that pods of one namespace may assume, of one cluster.
const ofTheShop = `      - role_name: of-the-shop
        assume_role_policy_document:
          Version: "2012-10-17"
          Statement:
            - {Effect: Allow, Principal: {AWS: "arn:aws:iam::123456789012:role/web"}, Action: ["sts:AssumeRole", "sts:TagSession"],
               Condition: {StringEquals: {"aws:PrincipalTag/kubernetes-namespace": shop, "aws:PrincipalTag/kubernetes-pod-name": web-0,
                                          "aws:PrincipalTag/kubernetes-service-account": web, "aws:PrincipalTag/kubernetes-pod-uid": web-0-uid,
                                          "aws:PrincipalTag/eks-cluster-name": prod, "aws:PrincipalTag/eks-cluster-arn": "CLUSTER"}}}
    instance_profiles:
`

// onePod is a pod in a namespace of its own, behind the host's agent.
type onePod struct {
	*house // its namespace
	host   *house
	id     string
	token  string
}

// pod is one of that namespace in Kubernetes, with a token of its account's.
func (k *kubernetes) pod(host *house, id, namespace, name string) onePod {
	p := onePod{&house{t: host.t, ns: nettest.New(host.t), dir: host.dir}, host, id, ""}
	text, err := os.ReadFile(k.tokenIn(namespace, name, "first"))
	if err != nil {
		host.t.Fatal(err)
	}
	p.token = string(text)
	return p
}

// define writes the pod's file, as one of that namespace.
func (p onePod) define(namespace, name, more string) (file string) {
	p.host.write(p.id+".yaml", "instance_id: "+p.id+"\niam_instance_profile: web\nattachment: {netns: "+p.ns.Path()+"}\n"+
		"container_credentials: {pod: {cluster_name: prod, namespace: "+namespace+", service_account: web, name: "+name+", uid: "+name+"-uid"+more+"}}\n")
	return p.host.path(p.id + ".yaml")
}

// credentials are what the pod is answered, once it is.
func (p onePod) credentials() (c struct{ AccessKeyID, SecretAccessKey, Token string }) {
	p.host.t.Helper()
	status, text, err := p.request(http.MethodGet, "http://169.254.170.23/v1/credentials", "Authorization", p.token)
	if err != nil || status != http.StatusOK || json.Unmarshal([]byte(text), &c) != nil {
		p.host.t.Fatalf("the pod is answered %d %q %v", status, text, err)
	}
	p.host.secrets = append(p.host.secrets, c.SecretAccessKey, c.Token)
	return c
}

// assumes has the AWS CLI assume the role with the pod's credentials, from where the core
// is reached.
func (p onePod) assumes(from *house, role string, more ...string) (string, bool) {
	p.host.t.Helper()
	c := p.credentials()
	cmd := from.ns.Command(p.host.t.Context(), "/usr/bin/aws", append([]string{"sts", "assume-role", "--role-arn", "arn:aws:iam::123456789012:role/" + role,
		"--role-session-name", "pod", "--query", "AssumedRoleUser.Arn", "--region", "us-east-1"}, more...)...)
	cmd.Env = append(emptyConfiguration(p.host.t), "AWS_ACCESS_KEY_ID="+c.AccessKeyID, "AWS_SECRET_ACCESS_KEY="+c.SecretAccessKey, "AWS_SESSION_TOKEN="+c.Token)
	out, err := cmd.CombinedOutput()
	if err != nil && !strings.Contains(string(out), "AccessDenied") {
		p.host.t.Errorf("assume-role: %s", out)
	}
	return string(out), err == nil
}

// TestPoliciesTellPodsByTheirTags has two pods with one role, of which one may assume
// another role, as it is of the right namespace. The other is then put as the pod that may,
// and has none of the credentials that it had.
func TestPoliciesTellPodsByTheirTags(t *testing.T) {
	h := newHouse(t)
	const arn = "arn:aws:eks:us-east-1:123456789012:cluster/prod" // where nobody says another
	h.write("core.yaml", strings.Replace(guestRoles, "    instance_profiles:\n", strings.Replace(ofTheShop, "CLUSTER", arn, 1), 1))
	k := h.kubernetes()
	up := h.up("--clusters-file", h.path("clusters.yaml"))
	shop, lab := k.pod(h, webGuest, "shop", "web-0"), k.pod(h, dbGuest, "lab", "web-1")
	h.instance("put", "-f", shop.define("shop", "web-0", ""), "-f", lab.define("lab", "web-1", ""))
	h.instance("wait", webGuest)
	h.instance("wait", dbGuest)
	endpoint := []string{"--endpoint-url", issuerURL}
	if out, ok := shop.assumes(h, "of-the-shop", endpoint...); !ok {
		t.Errorf("the pod of the shop: %s", out)
	}
	if out, ok := lab.assumes(h, "of-the-shop", endpoint...); ok {
		t.Errorf("the pod of the lab: %s", out)
	}
	before := h.find(dbGuest).AccessKeyID
	h.instance("put", "-f", lab.define("lab", "web-1", ", session_tags: disabled"))
	h.instance("wait", dbGuest)
	if h.find(dbGuest).AccessKeyID == before {
		t.Error("a pod without session tags has the session that has them")
	}

	// Over a restart the session is the pod's as it was; another pod's it is not.
	up.stop()
	h.write("clusters.yaml", "clusters:\n  - {cluster_name: prod, issuer: https://kubernetes.default.svc, jwks_file: "+h.path("jwks.json")+", arn: "+strings.Replace(arn, "prod", "other", 1)+"}\n")
	h.up("--clusters-file", h.path("clusters.yaml"))
	h.instance("wait", webGuest)
	if out, ok := shop.assumes(h, "of-the-shop", endpoint...); !ok {
		t.Errorf("the pod of the shop, after a restart: %s", out)
	}
	h.instance("put", "-f", lab.define("shop", "web-0", ""))
	h.instance("wait", dbGuest)
	lab.token = shop.token
	if out, ok := lab.assumes(h, "of-the-shop", endpoint...); ok {
		t.Errorf("a pod of a cluster of another ARN: %s", out)
	}
}

// TestAPodOfAHostOnAnotherMachineNeedsTagKeys goes from a grant that has none to one that
// has, by what the refusal says.
func TestAPodOfAHostOnAnotherMachineNeedsTagKeys(t *testing.T) {
	s, _ := newSite(t, 1)
	one := s.hosts[0]
	id := one.join(s.token("123456789012"))
	grant := []string{"grant", "put", "one", "--host", id, "--profile", "web", "--instance-id", "i-*"}
	s.core(grant...)
	k := one.kubernetes()
	p := one.start(nil, "agent", "--clusters-file", one.path("clusters.yaml"))
	p.waitFor("the core tells at once")
	pod := k.pod(one, webGuest, "shop", "web-0")
	one.instance("put", "-f", pod.define("shop", "web-0", ""))
	one.until("the refusal", func() bool { return one.find(webGuest).LastError != "" })
	for _, words := range []string{"grant one does not list the tag keys eks-cluster-arn, eks-cluster-name, kubernetes-namespace", "rolecall core grant put one --tag-keys", "session_tags: disabled"} {
		if got := one.find(webGuest).LastError; !strings.Contains(got, words) {
			t.Errorf("status says %q and not %q", got, words)
		}
	}
	if n := answer[issuer.Status](s, "status").HostTokens["tag_not_granted"]; n == 0 {
		t.Error("the core counts no refused tag")
	}
	why := func(more ...string) string {
		out, errs, ok := s.run("why", append([]string{"--instance", webGuest, "--core-socket", s.path("run/core.sock")}, more...)...)
		if !ok {
			t.Errorf("why: %s", errs)
		}
		return out
	}
	if got := why("--context", "aws:RequestTag/kubernetes-namespace=shop"); !strings.Contains(got, "does not list the tag keys kubernetes-namespace") {
		t.Errorf("why says %s", got)
	}

	s.core(append(grant, "--tag-keys", strings.Join(podTagKeys, ","))...)
	grants := answer[[]directory.Grant](s, "grant", "list")
	if len(grants) != 1 || len(grants[0].TagKeys) != len(podTagKeys) || !strings.Contains(s.core("grant", "list"), strings.Join(podTagKeys, " ")) {
		t.Errorf("the grants are %+v", grants)
	}
	if got := why(); !strings.Contains(got, strings.Join(podTagKeys, " ")) {
		t.Errorf("why says %s", got)
	}
	one.instance("put", "-f", pod.define("shop", "web-0", ""))
	one.instance("wait", webGuest)
	with := pod.credentials()

	// Without the keys again, who has tags gets no other session, and who sets none does.
	s.core(grant...)
	one.until("the agent asks again", func() bool { return one.find(webGuest).LastError != "" })
	one.instance("put", "-f", pod.define("shop", "web-0", ", session_tags: disabled"))
	one.instance("wait", webGuest)
	if pod.credentials().AccessKeyID == with.AccessKeyID {
		t.Error("the session is the one with tags")
	}
}
