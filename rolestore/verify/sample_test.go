package verify_test

import (
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// build returns a program of ours, built.
func build(t testing.TB, dir string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), filepath.Base(dir))
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", path, dir).CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return path
}

// reports is the sample service, run as its own process; it returns where.
func (w *world) reports(t testing.TB) string {
	t.Helper()
	c := w.session(t, account, "service")
	env := []string{"AWS_ACCESS_KEY_ID=" + c.AccessKeyID, "AWS_SECRET_ACCESS_KEY=" + c.SecretAccessKey, "AWS_SESSION_TOKEN=" + c.SessionToken}
	return "http://" + start(t, env, "listening on", build(t, "../../testdata/services/reports"), "--core", w.URL, "--account", account, "--host", "127.0.0.1")
}

// fetch is a request of somebody's to a service, as any SigV4 client makes it.
func (w *world) fetch(t testing.TB, c aws.Credentials, method, url, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if c.AccessKeyID != "" {
		if err := v4.NewSigner().SignHTTP(t.Context(), c, r, hashOf(body), "reports", "eu-central-1", w.clock()); err != nil {
			t.Fatal(err)
		}
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

// TestTheSampleService: writers write, readers read, and others do neither.
func TestTheSampleService(t *testing.T) {
	w := newWorld(t)
	at := w.reports(t) + "/reports/blue/7"
	writer, reader, plain := w.session(t, account, "writer"), w.session(t, account, "reader"), w.session(t, account, "plain")
	for _, test := range []struct {
		who          string
		credentials  aws.Credentials
		method, body string
		status       int
		say          string
	}{
		{"a reader, too early", reader, http.MethodGet, "", 404, ""},
		{"a reader", reader, http.MethodPut, "x", 403, "is not authorized to perform: reports:PutReport on resource: arn:aws:reports::" + account + ":report/blue/7"},
		{"a writer", writer, http.MethodPut, "the report", 204, ""},
		{"a reader", reader, http.MethodGet, "", 200, "the report, by arn:aws:sts::" + account + ":assumed-role/writer/session"},
		{"somebody else", plain, http.MethodGet, "", 403, "reports:GetReport"},
		{"a writer", writer, http.MethodDelete, "", 403, "reports:Unknown"},
		{"nobody", aws.Credentials{}, http.MethodGet, "", 403, "Request is missing Authentication Token"},
	} {
		if status, text := w.fetch(t, test.credentials, test.method, at, test.body); status != test.status || !strings.Contains(text, test.say) {
			t.Errorf("%s, %s: %d %s", test.who, test.method, status, text)
		}
	}
}
