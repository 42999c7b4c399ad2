package verify_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/rolestore/issuer/directory"
)

const openid = "../../testdata/providers/oidc"

// openID starts an OpenID Connect provider, and returns its URL.
func openID(t testing.TB, a authority) string {
	t.Helper()
	if _, err := os.Stat(filepath.Join(openid, "node_modules/oidc-provider")); err != nil {
		t.Skip("needs npm's oidc-provider: .ci/deps installs it")
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	_ = free.Close()
	_, port, _ := net.SplitHostPort(address)
	start(t, nil, "listening", "node", filepath.Join(openid, "provider.mjs"), "127.0.0.1", port, a.certificate, a.key)
	return "https://" + address
}

// start runs a program until the test ends, and returns the rest of its first line that
// begins with what it says when it is ready.
func start(t testing.TB, env []string, ready, name string, args ...string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), name, args...)
	command.Env, command.Stderr = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}, env...), t.Output()
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if rest, ok := strings.CutPrefix(lines.Text(), ready); ok {
			return strings.TrimSpace(rest)
		}
	}
	t.Fatalf("%s ended without being ready", name)
	return ""
}

// person is somebody with a browser.
type person struct{ http.Client }

func newPerson(t testing.TB, a authority) *person {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &person{http.Client{Jar: jar, Transport: a.transport()}}
}

var (
	formAction = regexp.MustCompile(`<form[^>]* action="([^"]+)"`)
	formHidden = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)"`)
)

// signIn opens a page, and fills in the forms that follow: name and password, and then
// consent. It returns what the last page says.
func (p *person) signIn(t testing.TB, page, name string) string {
	t.Helper()
	response, err := p.Get(page)
	for range 2 {
		text := read(t, response, err)
		action := formAction.FindStringSubmatch(text)
		if action == nil {
			t.Fatalf("no form: %s", text)
		}
		form := url.Values{"login": {name}, "password": {"any"}}
		for _, hidden := range formHidden.FindAllStringSubmatch(text, -1) {
			form.Set(hidden[1], hidden[2])
		}
		at, err := response.Request.URL.Parse(action[1])
		if err != nil {
			t.Fatal(err)
		}
		response, err = p.PostForm(at.String(), form)
		if err != nil {
			t.Fatal(err)
		}
	}
	return read(t, response, nil)
}

func read(t testing.TB, response *http.Response, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestTheSampleOfAMobileApp: a person signs in with an OpenID Connect provider, and the
// app on his phone calls a service as him.
func TestTheSampleOfAMobileApp(t *testing.T) {
	w, a := newWorld(t), newAuthority(t)
	issuer := openID(t, a)
	text, err := os.ReadFile(a.certificate)
	if err != nil {
		t.Fatal(err)
	}
	host := strings.TrimPrefix(issuer, "https://")
	app := role("app", allow(`"reports:GetReport"`, "arn:aws:reports::"+account+":report/${"+host+":sub}/*"))
	app.AssumeRolePolicyDocument = []byte(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::` + account + `:oidc-provider/` + host + `"},
		"Action":["sts:AssumeRoleWithWebIdentity","sts:TagSession"],"Condition":{"StringEquals":{"` + host + `:aud":"mobile"}}}}`)
	d := definitions()
	d.Accounts[0].Roles = append(d.Accounts[0].Roles, app)
	d.Accounts[0].OIDCProviders = []directory.OIDCProviderDefinition{{URL: issuer, ClientIDs: []string{"mobile"}, OnPremises: true, CA: string(text)}}
	if err := w.Redefine(d); err != nil {
		t.Fatal(err)
	}
	service := w.reports(t)
	w.fetch(t, w.session(t, account, "writer"), http.MethodPut, service+"/reports/alice/1", "for alice")
	path := build(t, "../../testdata/clients/mobile")
	for name, want := range map[string]string{"alice": "for alice, by arn:aws:sts::" + account + ":assumed-role/writer/session", "bob": "AccessDenied"} {
		command := exec.CommandContext(t.Context(), path, "--issuer", issuer, "--core", w.URL, "--role", "arn:aws:iam::"+account+":role/app", "--service", service+"/reports/alice/1")
		command.Env = []string{"SSL_CERT_FILE=" + a.certificate, "HOME=" + t.TempDir()}
		out, err := command.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		var errs strings.Builder
		command.Stderr = &errs
		if err := command.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewReader(out)
		page, err := lines.ReadString('\n')
		if err != nil {
			t.Fatalf("%v %s", err, errs.String())
		}
		if said := newPerson(t, a).signIn(t, strings.TrimSpace(page), name); !strings.Contains(said, "You are signed in") {
			t.Fatalf("the browser shows %s", said)
		}
		answer, _ := io.ReadAll(lines)
		err = command.Wait()
		if name == "alice" && (err != nil || strings.TrimSpace(string(answer)) != want) {
			t.Errorf("%s is told %s, %v %s", name, answer, err, errs.String())
		}
		if name != "alice" && (err == nil || !strings.Contains(errs.String(), "is not authorized to perform: reports:GetReport")) {
			t.Errorf("%s is told %s, %v %s", name, answer, err, errs.String())
		}
	}
}
