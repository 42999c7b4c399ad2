package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/golang-jwt/jwt/v5"

	"github.com/rolecall/rolecall/network/nettest"
)

// goChain is a program that prints what aws-sdk-go-v2's default chain finds.
func goChain() int {
	c, err := config.LoadDefaultConfig(context.Background())
	if err == nil {
		found, err := c.Credentials.Retrieve(context.Background())
		if err == nil {
			fmt.Println(found.AccessKeyID)
			return 0
		}
		fmt.Fprintln(os.Stderr, err)
	}
	return 1
}

// finds runs each SDK in the container with these variables, and no other setting. want
// is the access key id, or empty if none must find credentials.
func (h *house) finds(want string, variables ...string) {
	h.t.Helper()
	self, err := os.Executable()
	if err != nil {
		h.t.Fatal(err)
	}
	clients, err := filepath.Abs("../../testdata/clients")
	if err != nil {
		h.t.Fatal(err)
	}
	short := want
	if want != "" {
		short = want[len(want)-4:] // as the CLI shows it
	}
	type client struct{ want, command []string }
	all := []client{
		{[]string{want}, []string{self}},
		{[]string{want}, []string{"node", filepath.Join(clients, "js/container.mjs")}},
	}
	boto := filepath.Join(clients, "container/boto.py")
	if !strings.HasPrefix(variables[0], "AWS_CONTAINER_CREDENTIALS_FULL_URI") || h.knowsPods("python3") {
		all = append(all, client{[]string{want, "container-role"}, []string{"python3", boto}},
			client{[]string{short, "container-role"}, []string{"aws", "configure", "list"}})
	}
	for _, client := range all {
		cmd := h.ns.Command(h.t.Context(), client.command[0], client.command[1:]...)
		cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + h.t.TempDir(), roleVariable + "=" + roleGoChain,
			"AWS_METADATA_SERVICE_NUM_ATTEMPTS=1"}, variables...)
		out, err := cmd.CombinedOutput()
		for _, text := range client.want {
			switch found := strings.Contains(string(out), text); {
			case want != "" && (err != nil || !found):
				h.t.Errorf("%v prints no %s: %v\n%s", client.command, text, err, out)
			case want == "" && strings.Contains(string(out), "ASIA"):
				h.t.Errorf("%v finds credentials:\n%s", client.command, out)
			}
		}
	}
}

// knowsPods reports whether this Python's botocore is of the years after 2023, from when
// on it asks at the address of pods: Debian's is older.
func (h *house) knowsPods(python string) bool {
	const question = "import botocore.utils as u; exit('169.254.170.23' not in u.ContainerMetadataFetcher._ALLOWED_HOSTS)"
	return h.ns.Command(h.t.Context(), python, "-c", question).Run() == nil
}

// containerBehind is a guest with the routes that a runtime would put into it.
func (h *house) containerBehind(device string) *house {
	h.t.Helper()
	c := h.guest(device)
	for _, address := range []string{"169.254.170.2", "169.254.170.23"} {
		c.ns.Run(h.t, "ip", "route", "add", address, "dev", "eth0")
	}
	return c
}

// TestTasksFindTheirRoleByECSsVariable has an unmodified SDK in a container behind a
// device, and in one that is attached by its namespace.
func TestTasksFindTheirRoleByECSsVariable(t *testing.T) {
	h := newHouse(t)
	h.write("core.yaml", guestRoles)
	p := h.up()
	web, db := h.containerBehind("tap1"), &house{t: t, ns: nettest.New(t), dir: h.dir}
	h.write("web.yaml", "instance_id: "+webGuest+"\niam_instance_profile: web\nattachment: {interface: tap1}\n"+
		"container_credentials: {task: enabled}\nmetadata_options: {http_endpoint: disabled}\n")
	h.write("db.yaml", "instance_id: "+dbGuest+"\niam_instance_profile: db\nattachment: {netns: "+db.ns.Path()+"}\ncontainer_credentials: {task: enabled}\n")
	h.instance("put", "-f", h.path("web.yaml"), "-f", h.path("db.yaml"))
	h.instance("wait", webGuest)
	h.instance("wait", dbGuest)
	variable := strings.TrimSpace(h.instance("env", webGuest))
	of := func(name string) string { return strings.TrimSpace(h.instance("env", name)) }
	if !strings.HasPrefix(variable, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=/v2/credentials/") || variable == of(dbGuest) {
		t.Fatalf("env prints %q", variable)
	}
	path := variable[strings.IndexByte(variable, '/'):]
	p.secrets = append(p.secrets, path)
	web.finds(h.find(webGuest).AccessKeyID, variable)
	db.finds(h.find(dbGuest).AccessKeyID, of(dbGuest))

	// Neither the secret without the socket nor the socket without the secret will do.
	for name, c := range map[string]*house{"another container": db, "the host": h} {
		if status, body, err := c.request("GET", "http://169.254.170.2"+path); err == nil && status == 200 {
			t.Errorf("%s gets %s by the container's secret", name, body)
		}
	}
	if status, body, err := web.request("GET", "http://169.254.170.2"+path[:len(path)-1]+"x"); err != nil || status != 400 {
		t.Errorf("another secret: %d %s %v", status, body, err)
	}
	if i := h.find(webGuest); i.LastRefusal == nil || i.LastRefusal.Path != "/v2/credentials/" {
		t.Errorf("status says %+v", i.LastRefusal)
	}

	// The variable is good for as long as the container: over a restart, not for the next.
	p.stop()
	h.up()
	h.instance("wait", webGuest)
	if got := of(webGuest); got != variable {
		t.Errorf("after a restart the variable is another one")
	}
	web.finds(h.find(webGuest).AccessKeyID, variable)
	h.instance("rm", webGuest)
	h.instance("put", "-f", h.path("web.yaml"))
	h.instance("wait", webGuest)
	if status, _, err := web.request("GET", "http://169.254.170.2"+path); err != nil || status != 400 {
		t.Errorf("the secret of the life before: %d, %v", status, err)
	}
}

// kubernetes is a cluster that issues tokens.
type kubernetes struct {
	h   *house
	key *ecdsa.PrivateKey

	node string // where pods are, as tokens say it
}

func (h *house) kubernetes() *kubernetes {
	h.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		h.t.Fatal(err)
	}
	k := &kubernetes{h: h, key: key, node: "n1"}
	h.write("jwks.json", k.keySet("first"))
	h.write("clusters.yaml", "clusters:\n  - {cluster_name: prod, issuer: https://kubernetes.default.svc, jwks_file: "+h.path("jwks.json")+"}\n")
	return k
}

func (k *kubernetes) keySet(kid string) string {
	point, err := k.key.PublicKey.Bytes()
	if err != nil {
		k.h.t.Fatal(err)
	}
	text := base64.RawURLEncoding.EncodeToString
	return fmt.Sprintf(`{"keys":[{"use":"sig","kty":"EC","kid":%q,"crv":"P-256","alg":"ES256","x":%q,"y":%q}]}`, kid, text(point[1:33]), text(point[33:]))
}

// token writes the token of a pod of the account web into a file, as the kubelet does.
func (k *kubernetes) token(pod, kid string) (file string) { return k.tokenIn("shop", pod, kid) }

// tokenIn is token in another namespace than shop.
func (k *kubernetes) tokenIn(namespace, pod, kid string) (file string) {
	k.h.t.Helper()
	now := time.Now()
	t := jwt.NewWithClaims(jwt.SigningMethodES256, jwt.MapClaims{
		"aud": []string{"pods.eks.amazonaws.com"}, "iss": "https://kubernetes.default.svc",
		"sub": "system:serviceaccount:" + namespace + ":web", "iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(time.Hour).Unix(),
		"kubernetes.io": map[string]any{"namespace": namespace, "pod": map[string]string{"name": pod, "uid": pod + "-uid"},
			"serviceaccount": map[string]string{"name": "web", "uid": "1"}, "node": map[string]string{"name": k.node, "uid": "2"}},
	})
	t.Header["kid"] = kid
	text, err := t.SignedString(k.key)
	if err != nil {
		k.h.t.Fatal(err)
	}
	k.h.secrets = append(k.h.secrets, text)
	k.h.write(pod+".token", text)
	return k.h.path(pod + ".token")
}

const podEndpoint = "AWS_CONTAINER_CREDENTIALS_FULL_URI=http://169.254.170.23/v1/credentials"

// TestPodsFindTheirRoleByTheirAccountsToken has two pods of one account.
func TestPodsFindTheirRoleByTheirAccountsToken(t *testing.T) {
	h := newHouse(t)
	h.write("core.yaml", guestRoles)
	k := h.kubernetes()
	h.up("--clusters-file", h.path("clusters.yaml"))
	pods := map[string]*house{"web-0": h.containerBehind("tap1"), "web-1": {t: t, ns: nettest.New(t), dir: h.dir}}
	put := func(id, pod, attachment string) {
		h.write(pod+".yaml", "instance_id: "+id+"\niam_instance_profile: web\nattachment: "+attachment+
			"\nmetadata_options: {http_endpoint: disabled, http_protocol_ipv6: enabled}\n"+
			"container_credentials: {pod: {cluster_name: prod, namespace: shop, service_account: web, name: "+pod+", uid: "+pod+"-uid}}\n")
		h.instance("put", "-f", h.path(pod+".yaml"))
		h.instance("wait", id)
	}
	put(webGuest, "web-0", "{interface: tap1}")
	put(dbGuest, "web-1", "{netns: "+pods["web-1"].ns.Path()+"}")
	if got := h.instance("env", webGuest); !strings.Contains(got, podEndpoint+"\n") || !strings.Contains(got, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=/var/run/secrets/pods.eks.") {
		t.Errorf("env prints %q", got)
	}
	tokens := map[string]string{}
	for pod := range pods {
		tokens[pod] = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=" + k.token(pod, "first")
	}
	pods["web-0"].finds(h.find(webGuest).AccessKeyID, podEndpoint, tokens["web-0"])
	pods["web-1"].finds(h.find(dbGuest).AccessKeyID, podEndpoint, tokens["web-1"])
	pods["web-1"].finds(h.find(dbGuest).AccessKeyID, "AWS_CONTAINER_CREDENTIALS_FULL_URI=http://[fd00:ec2::23]/v1/credentials", tokens["web-1"])
	pods["web-0"].finds("", podEndpoint, tokens["web-1"])
	if r := h.find(webGuest).LastRefusal; r == nil || r.Status != 403 || !strings.Contains(r.Reason, "another pod's") {
		t.Errorf("status says %+v", r)
	}

	// The cluster signs with a new key, which is found.
	h.write("jwks.json", k.keySet("second"))
	k.token("web-0", "second")
	h.until("the new key", func() bool { // which the agent looks for every few seconds
		text, err := os.ReadFile(h.path("web-0.token"))
		if err != nil {
			t.Fatal(err)
		}
		status, _, err := pods["web-0"].request("GET", "http://169.254.170.23/v1/credentials", "Authorization", string(text))
		return err == nil && status == 200
	})
}

// TestTheKeySetOfAClusterIsFetched from a server that answers by a certificate of the
// cluster's own authority, is away for a while, or sends the agent elsewhere.
func TestTheKeySetOfAClusterIsFetched(t *testing.T) {
	h := newHouse(t)
	h.write("core.yaml", guestRoles)
	k := h.kubernetes()
	var answer atomic.Pointer[http.HandlerFunc]
	keySet := func(kid string) *http.HandlerFunc {
		f := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, k.keySet(kid)) })
		return &f
	}
	redirect := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/elsewhere" {
			_, _ = io.WriteString(w, k.keySet("forged"))
			return
		}
		http.Redirect(w, r, "/elsewhere", http.StatusFound)
	})
	api := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*answer.Load())(w, r) }))
	answer.Store(&redirect)
	_ = api.Listener.Close()
	h.ns.Do(func() {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		api.Listener = listener
	})
	api.StartTLS()
	defer api.Close()
	h.write("ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: api.Certificate().Raw})))
	h.write("clusters.yaml", "clusters:\n  - {cluster_name: prod, issuer: https://kubernetes.default.svc, jwks_url: "+api.URL+"/openid/v1/jwks, ca_file: "+h.path("ca.pem")+"}\n")
	h.up("--clusters-file", h.path("clusters.yaml"))
	pod := &house{t: t, ns: nettest.New(t), dir: h.dir}
	h.write("web.yaml", "instance_id: "+webGuest+"\niam_instance_profile: web\nattachment: {netns: "+pod.ns.Path()+"}\n"+
		"container_credentials: {pod: {cluster_name: prod, namespace: shop, service_account: web, name: web-0, uid: web-0-uid}}\n")
	h.instance("put", "-f", h.path("web.yaml"))
	h.instance("wait", webGuest)
	let := func(kid string) bool {
		text, err := os.ReadFile(k.token("web-0", kid))
		if err != nil {
			t.Fatal(err)
		}
		status, _, err := pod.request("GET", "http://169.254.170.23/v1/credentials", "Authorization", string(text))
		return err == nil && status == http.StatusOK
	}
	if let("forged") {
		t.Error("a key set was taken from where the server sent the agent")
	}
	h.until("status tells of it", func() bool { return strings.Contains(fmt.Sprint(h.status().Notes), "answers 302 Found") })
	answer.Store(keySet("first"))
	h.until("the key set is fetched", func() bool { return let("first") })
	away := http.HandlerFunc(http.NotFound)
	answer.Store(&away)
	let("second") // has it fetched again
	h.until("status tells that it is away", func() bool { return strings.Contains(fmt.Sprint(h.status().Notes), "answers 404 Not Found") })
	if !let("first") {
		t.Error("the key set is forgotten while its server is away")
	}
	answer.Store(keySet("second"))
	h.until("the next key is fetched", func() bool { return let("second") })
}

// TestTheFileOfClusters is refused with what is wrong in it, or tells it in status.
func TestTheFileOfClusters(t *testing.T) {
	h := newHouse(t)
	h.write("no.pem", "no certificate")
	for says, text := range map[string]string{
		`unknown key "name"`:                              "clusters: [{name: prod}]",
		"want arn:aws:eks:REGION:ACCOUNT":                 "clusters: [{cluster_name: prod, issuer: https://x, jwks_file: x, arn: prod}]",
		"want a cluster_name":                             "clusters: [{issuer: https://x, jwks_file: x}]",
		"iss in the cluster's tokens":                     "clusters: [{cluster_name: prod, issuer: x, jwks_file: x}]",
		"want jwks_file or jwks_url":                      "clusters: [{cluster_name: prod, issuer: https://x}]",
		"want https":                                      "clusters: [{cluster_name: prod, issuer: https://x, jwks_url: http://x}]",
		"belongs to a jwks_url":                           "clusters: [{cluster_name: prod, issuer: https://x, jwks_file: x, ca_file: x}]",
		"ca_file: open":                                   "clusters: [{cluster_name: prod, issuer: https://x, jwks_url: https://x, ca_file: /nowhere}]",
		"no certificate in PEM":                           "clusters: [{cluster_name: prod, issuer: https://x, jwks_url: https://x, ca_file: " + h.path("no.pem") + "}]",
		`clusters.yaml:1: cluster "prod": is there twice`: "clusters: [{cluster_name: prod, issuer: https://x, jwks_file: x}, {cluster_name: prod, issuer: https://x, jwks_file: y}]",
	} {
		h.write("clusters.yaml", text+"\n")
		says = strings.TrimPrefix(says, `cluster "prod": `)
		if got := h.refused("up", "--clusters-file", h.path("clusters.yaml")); !strings.Contains(got, says) {
			t.Errorf("%s: %q, want %q", text, got, says)
		}
	}
	h.write("clusters.yaml", "clusters: [{cluster_name: prod, issuer: https://x, jwks_file: "+h.path("no.pem")+"}]\n")
	h.up("--clusters-file", h.path("clusters.yaml"))
	if notes := fmt.Sprint(h.status().Notes); !strings.Contains(notes, "key set of cluster prod cannot be read") {
		t.Errorf("status notes %s", notes)
	}
	h.write("web.yaml", "instance_id: "+webGuest+"\nattachment: {interface: tap1}\n"+
		"container_credentials: {pod: {cluster_name: lab, namespace: shop, service_account: web, name: w, uid: u}}\n")
	if _, errs, ok := h.run("instance", "put", "-f", h.path("web.yaml"), "--admin-socket", h.path("run/agent.sock")); ok || !strings.Contains(errs, "no such cluster") {
		t.Errorf("an unknown cluster: %q", errs)
	}
	if _, errs, ok := h.run("instance", "env", webGuest, "--admin-socket", h.path("run/agent.sock")); ok || !strings.Contains(errs, "not registered") {
		t.Errorf("env of nobody: %q", errs)
	}
}
