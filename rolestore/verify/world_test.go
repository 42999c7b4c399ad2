package verify_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/rolecall/rolecall/rolestore"
	"github.com/rolecall/rolecall/rolestore/issuer"
	"github.com/rolecall/rolecall/rolestore/issuer/directory"
	"github.com/rolecall/rolecall/rolestore/issuer/session"
	"github.com/rolecall/rolecall/rolestore/seal"
	"github.com/rolecall/rolecall/rolestore/verify"
)

const (
	account = "111122223333"
	other   = "444455556666"
	trust   = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}}`
)

func allow(action, resource string) []byte {
	return []byte(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":` + action + `,"Resource":"` + resource + `"}}`)
}

func role(name string, policies ...[]byte) directory.RoleDefinition {
	r := directory.RoleDefinition{Name: name, AssumeRolePolicyDocument: []byte(trust), Policies: map[string][]byte{}}
	for i, text := range policies {
		r.Policies[string(rune('a'+i))] = text
	}
	return r
}

// world is a core, and a clock for it and its services.
type world struct {
	*issuer.Core
	*httptest.Server
	dir string

	mu  sync.Mutex
	now time.Time
	log bytes.Buffer
}

func (w *world) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.Write(p)
}

func (w *world) logged() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.String()
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) advance(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func definitions() *directory.Definitions {
	service := role("service", allow(`["rolecall:VerifyRequest","rolecall:AuthorizeRequest"]`, "arn:aws:rolecall::"+account+":service/reports"))
	reader := role("reader", allow(`"reports:Get*"`, "arn:aws:reports:::${aws:PrincipalTag/team}/*"), allow(`"sts:GetWebIdentityToken"`, "*"),
		allow(`"reports:GetReport"`, "arn:aws:reports::"+account+":report/${aws:PrincipalTag/team}/*"))
	reader.Tags = map[string]string{"team": "blue", "cost": "1"}
	return &directory.Definitions{Accounts: []directory.AccountDefinition{{
		ID: account, JWTVendingEnabled: true,
		Roles: []directory.RoleDefinition{
			service, reader, role("plain"),
			role("bearer", []byte(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:GetServiceBearerToken","Resource":"*","Condition":{"StringEquals":{"sts:AWSServiceName":"reports"},"NumericLessThanEquals":{"sts:DurationSeconds":"3600"}}}}`)),
			role("writer", allow(`["reports:GetReport","reports:PutReport"]`, "*")),
			role("knows", allow(`"rolecall:VerifyRequest"`, "*")),
			role("careful", allow(`"reports:*"`, "*"), []byte(`{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}}`)),
		},
		Users: []directory.UserDefinition{{Name: "alice", AccessKeys: []directory.AccessKeyDefinition{{ID: "AKIAZZZZZZZZZZZZZZZZ", Secret: rolestore.NewSecret(strings.Repeat("s", 40))}}}},
	}, {ID: other, Roles: []directory.RoleDefinition{role("reader", allow(`"reports:*"`, "*"))}}}}
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{now: time.Now().UTC().Truncate(time.Second), dir: t.TempDir()}
	keyring, err := seal.Create(filepath.Join(w.dir, "keys"))
	if err != nil {
		t.Fatal(err)
	}
	handler := http.NewServeMux()
	w.Server = httptest.NewServer(handler)
	t.Cleanup(w.Server.Close)
	w.Core, err = issuer.Open(issuer.Config{Path: filepath.Join(w.dir, "core.db"), Keyring: keyring, Definitions: definitions(), URL: w.URL,
		Now: w.clock, Logger: slog.New(slog.NewJSONHandler(w, nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Core.Close() })
	handler.Handle("/", w.Public().Handler)
	return w
}

// session are credentials of a session of a role, good for an hour.
func (w *world) session(t testing.TB, account, role string, more ...func(*session.Claims)) aws.Credentials {
	t.Helper()
	s := w.Directory().Snapshot()
	claims := session.Claims{Principal: s.RoleByName(account, role).UniqueID, Account: account, SessionName: "session", Issued: w.clock(), Expires: w.clock().Add(time.Hour)}
	for _, change := range more {
		change(&claims)
	}
	c, err := s.Sealer().Issue(claims)
	if err != nil {
		t.Fatal(err)
	}
	return aws.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey.Reveal(), SessionToken: c.SessionToken.Reveal()}
}

func provide(c aws.Credentials) aws.CredentialsProvider {
	return aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return c, nil })
}

var alice = aws.Credentials{AccessKeyID: "AKIAZZZZZZZZZZZZZZZZ", SecretAccessKey: strings.Repeat("s", 40)}

// config is that of the service reports.
func (w *world) config(t testing.TB) verify.Config {
	t.Helper()
	return verify.Config{Core: w.URL, Credentials: provide(w.session(t, account, "service")), Now: w.clock,
		Service: "reports", Region: "eu-central-1", Hosts: []string{"reports.example.com"}}
}

func guard(t testing.TB, c verify.Config) *verify.Guard {
	t.Helper()
	g, err := verify.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// call is a request to the service, as its server reads it.
type call struct {
	method, url, body string
	service, region   string
	header            map[string]string
	at                time.Duration // from now
}

func (w *world) call(t testing.TB, c aws.Credentials, k call) *http.Request {
	t.Helper()
	if k.method == "" {
		k.method = http.MethodGet
	}
	if k.url == "" {
		k.url = "https://reports.example.com/blue/7?b=2&a=1%20"
	}
	if k.service == "" {
		k.service = "reports"
	}
	if k.region == "" {
		k.region = "eu-central-1"
	}
	r, err := http.NewRequestWithContext(t.Context(), k.method, k.url, strings.NewReader(k.body))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range k.header {
		r.Header.Set(name, value)
	}
	if err := v4.NewSigner().SignHTTP(t.Context(), c, r, hashOf(k.body), k.service, k.region, w.clock().Add(k.at)); err != nil {
		t.Fatal(err)
	}
	return received(t, r)
}

// received is r as a server reads it from the wire.
func received(t testing.TB, r *http.Request) *http.Request {
	t.Helper()
	var got *http.Request
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, in *http.Request) {
		body, _ := io.ReadAll(in.Body)
		got = in.Clone(context.Background())
		got.Body = io.NopCloser(bytes.NewReader(body))
	}))
	defer server.Close()
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	out := r.Clone(t.Context())
	out.Host, out.URL.Scheme, out.URL.Host = r.URL.Host, "http", u.Host
	response, err := http.DefaultClient.Do(out)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	return got
}

func hashOf(body string) string {
	sum := sha256.Sum256([]byte(body))
	return hex.EncodeToString(sum[:])
}
