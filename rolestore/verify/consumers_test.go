package verify_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/rolecall/rolecall/rolestore/verify"
)

// signedIn is the environment of a program with credentials.
func (a amazon) signedIn(t testing.TB, c aws.Credentials) []string {
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "AWS_EC2_METADATA_DISABLED=true", "AWS_REGION=us-east-1", "AWS_DEFAULT_REGION=us-east-1",
		"AWS_STS_REGIONAL_ENDPOINTS=regional", "AWS_ACCESS_KEY_ID=" + c.AccessKeyID, "AWS_SECRET_ACCESS_KEY=" + c.SecretAccessKey, "AWS_SESSION_TOKEN=" + c.SessionToken,
		"HTTPS_PROXY=" + a.proxy, "SSL_CERT_FILE=" + a.certificate, "AWS_CA_BUNDLE=" + a.certificate,
	}
}

func run(t testing.TB, env []string, name string, args ...string) (string, error) {
	t.Helper()
	command := exec.CommandContext(t.Context(), name, args...)
	command.Env = env
	out, err := command.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = fmt.Errorf("%w: %s", err, exit.Stderr)
	}
	return string(out), err
}

// TestTheAuthenticatorOfKubernetes: aws-iam-authenticator, unmodified, knows our sessions
// where sts.us-east-1.amazonaws.com is the core, and we know its tokens.
func TestTheAuthenticatorOfKubernetes(t *testing.T) {
	authenticator := program(t, "aws-iam-authenticator")
	w := newWorld(t)
	a := w.amazon(t, "sts.us-east-1.amazonaws.com")
	env := a.signedIn(t, w.session(t, account, "reader"))
	token, err := run(t, env, authenticator, "token", "-i", "c1", "--token-only")
	if err != nil {
		t.Fatal(err)
	}
	token = strings.TrimSpace(token)
	text, err := run(t, env, authenticator, "verify", "-i", "c1", "-o", "json", "-t", token)
	if err != nil || !strings.Contains(text, "{") {
		t.Fatalf("%v: %s", err, text)
	}
	var who struct{ ARN, CanonicalARN, AccountID, UserID, SessionName string }
	if err := json.Unmarshal([]byte(text[strings.IndexByte(text, '{'):]), &who); err != nil { // after a warning that this is not EC2
		t.Fatalf("%v: %s", err, text)
	}
	id := w.Directory().Snapshot().RoleByName(account, "reader").UniqueID
	if who.ARN != "arn:aws:sts::"+account+":assumed-role/reader/session" || who.CanonicalARN != "arn:aws:iam::"+account+":role/reader" ||
		who.AccountID != account || who.UserID != id || who.SessionName != "session" {
		t.Errorf("it knows %+v", who)
	}
	if out, err := run(t, env, authenticator, "verify", "-i", "c2", "-o", "json", "-t", token); err == nil {
		t.Errorf("it believes a token for another cluster: %s", out)
	}
	forger := w.session(t, account, "reader")
	forger.SecretAccessKey = "x"
	forged, err := run(t, a.signedIn(t, forger), authenticator, "token", "-i", "c1", "--token-only")
	if err != nil {
		t.Fatal(err)
	}
	if out, err := run(t, env, authenticator, "verify", "-i", "c1", "-o", "json", "-t", strings.TrimSpace(forged)); err == nil {
		t.Errorf("it believes what nobody signed: %s", out)
	}
	a.knows(t, w, token)
}

// knows has our own verifier look at a token for the cluster c1.
func (a amazon) knows(t testing.TB, w *world, token string) {
	t.Helper()
	i, err := verify.NewIdentity(verify.IdentityConfig{STS: "https://sts.us-east-1.amazonaws.com", Client: a.client, Now: w.clock, ServerID: "c1"})
	if err != nil {
		t.Fatal(err)
	}
	if ours, err := i.Verify(t.Context(), token); err != nil || ours.ARN != "arn:aws:sts::"+account+":assumed-role/reader/session" {
		t.Errorf("we know %+v, %v", ours, err)
	}
}

// TestTheTokensOfTheCLI are `aws eks get-token`'s.
func TestTheTokensOfTheCLI(t *testing.T) {
	if _, err := exec.LookPath("aws"); err != nil {
		t.Skip("needs the AWS CLI: .ci/deps installs it")
	}
	w := newWorld(t)
	a := w.amazon(t, "sts.us-east-1.amazonaws.com")
	text, err := run(t, a.signedIn(t, w.session(t, account, "reader")), "aws", "eks", "get-token", "--cluster-name", "c1", "--output", "json")
	if err != nil {
		t.Fatal(err)
	}
	var said struct{ Status struct{ Token string } }
	if err := json.Unmarshal([]byte(text), &said); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	a.knows(t, w, said.Status.Token)
}

// vault is how HashiCorp Vault's AWS method logs somebody in: it plays a signed request
// that the client uploads to the STS that it was configured with
// (https://developer.hashicorp.com/vault/docs/auth/aws#iam-auth-method).
type vault struct {
	sts, serverID string
	bound         string // the ARN of the role that may log in
}

type upload struct{ method, url, body, headers string } // all but the method in base64

func (v vault) login(u upload) error {
	decode := func(text string) string {
		raw, _ := base64.StdEncoding.DecodeString(text)
		return string(raw)
	}
	at, err := url.Parse(decode(u.url))
	if err != nil {
		return err
	}
	headers := http.Header{}
	if err := json.Unmarshal([]byte(decode(u.headers)), &headers); err != nil {
		return err
	}
	form, err := url.ParseQuery(decode(u.body))
	switch {
	case err != nil:
		return err
	case u.method != http.MethodPost || at.RawQuery != "" || len(form["Action"]) != 1 || form["Action"][0] != "GetCallerIdentity":
		return errors.New("want one action, GetCallerIdentity")
	case headers.Get("X-Vault-AWS-IAM-Server-ID") != v.serverID || !strings.Contains(headers.Get("Authorization"), "x-vault-aws-iam-server-id"):
		return errors.New("the server's id is not signed")
	}
	r, err := http.NewRequest(http.MethodPost, v.sts+at.Path, strings.NewReader(decode(u.body)))
	if err != nil {
		return err
	}
	r.Header, r.Host = headers, at.Host
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	switch {
	case err != nil:
		return err
	case response.StatusCode != http.StatusOK:
		return fmt.Errorf("%s: %s", response.Status, body)
	case response.Header.Get("Content-Type") != "text/xml":
		return fmt.Errorf("content type %q", response.Header.Get("Content-Type"))
	case !bytes.HasPrefix(body, []byte("<GetCallerIdentityResponse")) && !bytes.HasPrefix(body, []byte("<?xml")):
		return fmt.Errorf("the answer begins with %.20s", body)
	}
	var who struct {
		Result struct{ Arn, Account string } `xml:"GetCallerIdentityResult"`
	}
	if err := xml.Unmarshal(body, &who); err != nil {
		return err
	}
	_, session, _ := strings.Cut(who.Result.Arn, ":assumed-role/")
	name, _, _ := strings.Cut(session, "/")
	if got := "arn:aws:iam::" + who.Result.Account + ":role/" + name; got != v.bound {
		return fmt.Errorf("%s is not %s", got, v.bound)
	}
	return nil
}

// upload is what a client of Vault's makes: a request for an STS that it calls by a name
// of its own.
func (w *world) upload(t testing.TB, c aws.Credentials, body, serverID string) upload {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://127.0.0.1:1/", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	r.Header.Set("X-Vault-AWS-IAM-Server-ID", serverID)
	if err := v4.NewSigner().SignHTTP(t.Context(), c, r, hashOf(body), "sts", "us-east-1", w.clock()); err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Length", fmt.Sprint(len(body)))
	headers, err := json.Marshal(r.Header)
	if err != nil {
		t.Fatal(err)
	}
	encode := func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
	return upload{r.Method, encode(r.URL.String()), encode(body), encode(string(headers))}
}

func TestVaultsRules(t *testing.T) {
	w := newWorld(t)
	const body = "Action=GetCallerIdentity&Version=2011-06-15"
	v := vault{sts: w.URL, serverID: "vault.example.com", bound: "arn:aws:iam::" + account + ":role/reader"}
	if err := v.login(w.upload(t, w.session(t, account, "reader"), body, v.serverID)); err != nil {
		t.Error(err)
	}
	if err := v.login(w.upload(t, w.session(t, account, "plain"), body, v.serverID)); err == nil {
		t.Error("another role logs in")
	}
	changed := w.upload(t, w.session(t, account, "reader"), body, "other.example.com")
	raw, _ := base64.StdEncoding.DecodeString(changed.headers)
	changed.headers = base64.StdEncoding.EncodeToString([]byte(strings.Replace(string(raw), "other.example.com", v.serverID, 1)))
	if err := v.login(changed); err == nil || !strings.Contains(err.Error(), "SignatureDoesNotMatch") {
		t.Errorf("what another server was shown: %v", err)
	}
}
