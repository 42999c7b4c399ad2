package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// idp is the OpenID Connect provider of testdata/providers/oidc, in a house's namespace.
type idp struct {
	*house
	*process
	url  string
	http *http.Client
}

// newIDP starts the provider at a port of localhost, with the certificate of the house.
func newIDP(t *testing.T, h *house) *idp {
	t.Helper()
	program, err := filepath.Abs("../../testdata/providers/oidc/provider.mjs")
	if err != nil {
		t.Fatal(err)
	}
	h.writeCertificate("idp")
	const port = "9443"
	cmd := h.ns.Command(context.Background(), "node", program, "localhost", port, h.path("core.crt"), h.path("core.key"))
	i := &idp{house: h, process: h.startCommand("provider", cmd), url: "https://localhost:" + port}
	i.waitFor("listening")
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // a test's own provider
		DialContext: func(ctx context.Context, network, _ string) (conn net.Conn, err error) {
			h.ns.Do(func() { conn, err = new(net.Dialer).DialContext(ctx, network, "127.0.0.1:"+port) })
			return conn, err
		},
	}
	t.Cleanup(transport.CloseIdleConnections)
	i.http = &http.Client{Transport: transport, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.Path, "/callback") {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	return i
}

var (
	formAction = regexp.MustCompile(`<form[^>]*action="([^"]+)"`)
	formPrompt = regexp.MustCompile(`name="prompt" value="([^"]+)"`)
)

// signIn signs a person in as a browser does, form by form, and returns his ID token for a
// client, each of which has the name of the algorithm of its tokens.
func (i *idp) signIn(client, person string) string {
	i.t.Helper()
	i.http.Jar, _ = cookiejar.New(nil) // a browser of his own
	reply, err := i.http.Get(i.url + "/auth?" + url.Values{"client_id": {client}, "response_type": {"code"}, "scope": {"openid"}, "redirect_uri": {"https://localhost/callback"}, "prompt": {"login consent"}}.Encode())
	for range 4 {
		if err != nil {
			i.t.Fatal(err)
		}
		body, _ := io.ReadAll(reply.Body)
		_ = reply.Body.Close()
		if reply.StatusCode == http.StatusSeeOther || reply.StatusCode == http.StatusFound {
			break
		}
		action, prompt := formAction.FindSubmatch(body), formPrompt.FindSubmatch(body)
		if action == nil || prompt == nil {
			i.t.Fatalf("%s: no form in %.500s", reply.Status, body)
		}
		reply, err = i.http.PostForm(html.UnescapeString(string(action[1])), url.Values{"prompt": {string(prompt[1])}, "login": {person}, "password": {"x"}})
	}
	to, err := reply.Location()
	if err != nil {
		i.t.Fatal(err)
	}
	request, _ := http.NewRequest(http.MethodPost, i.url+"/token", strings.NewReader(url.Values{
		"grant_type": {"authorization_code"}, "code": {to.Query().Get("code")}, "redirect_uri": {"https://localhost/callback"}}.Encode()))
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.SetBasicAuth(client, "secret")
	if reply, err = i.http.Do(request); err != nil {
		i.t.Fatal(err)
	}
	defer func() { _ = reply.Body.Close() }()
	var tokens struct {
		ID    string `json:"id_token"`
		Error string `json:"error_description"`
	}
	if err := json.NewDecoder(reply.Body).Decode(&tokens); err != nil || tokens.ID == "" {
		i.t.Fatalf("no token: %v, %+v", err, tokens)
	}
	i.secrets = append(i.secrets, tokens.ID)
	return tokens.ID
}

// people trusts the provider's alice in one role, and whom it calls of team red in another.
const people = `accounts:
- id: "123456789012"
  oidc_providers:
  - url: https://localhost:9443
    client_id_list: [%s]
    on_premises: true
    ca: |
%s
  roles:
  - role_name: alice
    assume_role_policy_document:
      Version: "2012-10-17"
      Statement:
      - {Effect: Allow, Principal: {Federated: "arn:aws:iam::123456789012:oidc-provider/localhost:9443"}, Action: ["sts:AssumeRoleWithWebIdentity", "sts:TagSession"],
         Condition: {StringEquals: {"localhost:9443:sub": alice, "aws:RequestTag/team": red}}}
`

// TestPeopleOfAnOIDCProviderSignIn has a real provider and AWS's own command line, which
// needs nothing but its usual two variables.
func TestPeopleOfAnOIDCProviderSignIn(t *testing.T) {
	h := newHouse(t)
	i := newIDP(t, h)
	ca, err := os.ReadFile(h.path("core.crt"))
	if err != nil {
		t.Fatal(err)
	}
	indented := "      " + strings.ReplaceAll(strings.TrimSpace(string(ca)), "\n", "\n      ")
	h.write("core.yaml", fmt.Sprintf(people, "RS256, RS384, RS512, ES256, ES384, ES512, EdDSA, PS256", indented))
	core := h.start(nil, "core")
	core.waitFor("core is ready")
	identify := func(token string) (string, error) {
		h.write("token", token)
		cmd := h.ns.Command(t.Context(), "aws", "sts", "get-caller-identity", "--output", "text", "--query", "Arn")
		cmd.Env = append(append(os.Environ(), emptyConfiguration(t)...), "AWS_REGION=eu-west-1", "AWS_DEFAULT_REGION=eu-west-1", "AWS_ENDPOINT_URL=http://127.0.0.1:8473", "AWS_ENDPOINT_URL_STS=http://127.0.0.1:8473",
			"AWS_ROLE_ARN=arn:aws:iam::123456789012:role/alice", "AWS_ROLE_SESSION_NAME=phone", "AWS_WEB_IDENTITY_TOKEN_FILE="+h.path("token"))
		out, err := cmd.CombinedOutput()
		return strings.TrimSpace(string(out)), err
	}
	const want = "arn:aws:sts::123456789012:assumed-role/alice/phone"
	if out, err := identify(i.signIn("RS256", "alice")); err != nil || out != want {
		t.Fatalf("alice: %v, %s", err, out)
	}
	for client, says := range map[string]string{"EdDSA": "its algorithm is none of", "PS256": "its algorithm is none of"} {
		if out, err := identify(i.signIn(client, "alice")); err == nil || !strings.Contains(out, says) {
			t.Errorf("%s: %v, %s", client, err, out)
		}
	}
	for _, client := range []string{"RS384", "RS512", "ES256", "ES384", "ES512"} {
		if got := h.assume(t, i.signIn(client, "alice")); got != http.StatusOK {
			t.Errorf("%s: %d", client, got)
		}
	}
	if out, err := identify(i.signIn("RS256", "mallory")); err == nil || !strings.Contains(out, "AccessDenied") {
		t.Errorf("mallory: %v, %s", err, out)
	}
	before := i.signIn("RS256", "alice")
	if err := i.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	i.waitFor("other keys")
	after := i.signIn("RS256", "alice")
	// The provider is left in peace for some seconds after each look.
	h.until("a token by a new key is accepted", func() bool { return h.assume(t, after) == http.StatusOK })
	if got := h.assume(t, before); got == http.StatusOK {
		t.Error("a token by a key that is gone is accepted")
	}
}

// assume presents a token for the role alice, and returns the status of the answer.
func (h *house) assume(t *testing.T, token string) int {
	t.Helper()
	reply, err := h.http().PostForm("http://127.0.0.1:8473/", url.Values{"Action": {"AssumeRoleWithWebIdentity"}, "Version": {"2011-06-15"},
		"RoleArn": {"arn:aws:iam::123456789012:role/alice"}, "RoleSessionName": {"phone"}, "WebIdentityToken": {token}})
	if err != nil {
		t.Fatal(err)
	}
	_ = reply.Body.Close()
	return reply.StatusCode
}
