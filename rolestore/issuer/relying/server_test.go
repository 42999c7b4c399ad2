package relying

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/rolecall/rolecall/rolestore"
	"github.com/rolecall/rolecall/rolestore/issuer/caller"
	"github.com/rolecall/rolecall/rolestore/issuer/directory"
	"github.com/rolecall/rolecall/rolestore/issuer/hosts"
	"github.com/rolecall/rolecall/rolestore/issuer/policy"
	"github.com/rolecall/rolecall/rolestore/seal"
	"github.com/rolecall/rolecall/rolestore/surface"
	"github.com/rolecall/rolecall/rolestore/verify/wire"
)

const (
	account   = "111122223333"
	keyID     = "AKIAZZZZZZZZZZZZZZZZ"
	emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
)

// world is a core in which alice may ask anything, and may do nothing else.
type world struct {
	http.Handler
	now time.Time
}

func newWorld(t testing.TB) *world {
	t.Helper()
	dir := t.TempDir()
	keyring, err := seal.Create(filepath.Join(dir, "keys"))
	if err != nil {
		t.Fatal(err)
	}
	d, err := directory.Open(directory.Config{Path: filepath.Join(dir, "core.db"), Keyring: keyring})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	may := []byte(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"rolecall:*","Resource":"arn:aws:rolecall::` + account + `:service/reports"}}`)
	safely := []byte(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"reports:GetReport","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"true"}}}}`)
	if _, err := d.Reconcile(directory.Definitions{Accounts: []directory.AccountDefinition{{ID: account, Users: []directory.UserDefinition{{
		Name: "alice", Policies: map[string][]byte{"may": may, "safely": safely},
		AccessKeys: []directory.AccessKeyDefinition{{ID: keyID, Secret: rolestore.NewSecret(strings.Repeat("s", 40))}},
	}}}}}, true); err != nil {
		t.Fatal(err)
	}
	w := &world{now: time.Now().UTC().Truncate(time.Second)}
	engine := surface.Engine()
	s := New(Config{Directory: d, Leases: hosts.New(d, w.now), Now: func() time.Time { return w.now }, Logger: slog.New(slog.DiscardHandler)})
	engine.POST(wire.Path, s.Answer)
	w.Handler = engine
	return w
}

func credentials() aws.Credentials {
	return aws.Credentials{AccessKeyID: keyID, SecretAccessKey: strings.Repeat("s", 40)}
}

// presigned is a question about a presigned URL of the service reports.
func (w *world) presigned(t testing.TB, more string) *wire.Question {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://reports.example.com/7?a=1"+more, nil)
	if err != nil {
		t.Fatal(err)
	}
	signed, _, err := v4.NewSigner().PresignHTTP(t.Context(), credentials(), r, emptyHash, "reports", "us-east-1", w.now)
	if err != nil {
		t.Fatal(err)
	}
	_, query, _ := strings.Cut(signed, "?")
	return &wire.Question{Method: http.MethodGet, Path: "/7", Query: query, Host: "reports.example.com", PayloadSHA256: emptyHash, Service: "reports"}
}

func (w *world) post(t testing.TB, body []byte, c aws.Credentials) *httptest.ResponseRecorder {
	t.Helper()
	return w.send(w.signed(t, body, c))
}

// signed is a question, signed unless there are no credentials.
func (w *world) signed(t testing.TB, body []byte, c aws.Credentials) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://127.0.0.1:8473"+wire.Path, bytes.NewReader(body))
	if c.AccessKeyID != "" {
		sum := sha256.Sum256(body)
		if err := v4.NewSigner().SignHTTP(t.Context(), c, r, hex.EncodeToString(sum[:]), wire.Service, "us-east-1", w.now); err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Length", strconv.Itoa(len(body))) // which is signed, and which a server finds among the headers
	}
	return r
}

// TestAnEndpointNarrowsQuestions: what comes through a private endpoint its policy must
// allow too.
func TestAnEndpointNarrowsQuestions(t *testing.T) {
	w := newWorld(t)
	body, err := json.Marshal(w.presigned(t, ""))
	if err != nil {
		t.Fatal(err)
	}
	for action, want := range map[string]int{wire.VerifyAction: http.StatusOK, "sts:*": http.StatusForbidden} {
		document, err := policy.Parse(policy.Resource, []byte(`{"Statement":{"Effect":"Allow","Principal":"*","Action":"`+action+`","Resource":"*"}}`))
		if err != nil {
			t.Fatal(err)
		}
		e := &caller.Endpoint{ID: "vpce-0123456789abcdef0", Policy: policy.Policy{Document: document}}
		if reply := w.send(w.signed(t, body, credentials()).WithContext(e.Through(t.Context()))); reply.Code != want || want != http.StatusOK && !strings.Contains(reply.Body.String(), "VPC endpoint policy") {
			t.Errorf("%s: %d %s", action, reply.Code, reply.Body)
		}
	}
}

func (w *world) send(r *http.Request) *httptest.ResponseRecorder {
	reply := httptest.NewRecorder()
	w.ServeHTTP(reply, r)
	return reply
}

func (w *world) ask(t testing.TB, q *wire.Question) (wire.Answer, *httptest.ResponseRecorder) {
	t.Helper()
	body, err := json.Marshal(q)
	if err != nil {
		t.Fatal(err)
	}
	reply := w.post(t, body, credentials())
	var a wire.Answer
	if err := json.Unmarshal(reply.Body.Bytes(), &a); err != nil {
		t.Fatalf("%d %s: %v", reply.Code, reply.Body, err)
	}
	return a, reply
}

func TestAPresignedURLIsHeldToItsWord(t *testing.T) {
	w := newWorld(t)
	for _, test := range []struct {
		expires string
		after   time.Duration
		code    string
	}{
		{"", 15 * time.Minute, ""}, {"", 15*time.Minute + time.Second, "SignatureDoesNotMatch"},
		{"&X-Amz-Expires=60", time.Minute, ""}, {"&X-Amz-Expires=60", 61 * time.Second, "RequestExpired"},
		{"&X-Amz-Expires=0", 0, "AuthorizationQueryParametersError"}, {"&X-Amz-Expires=x", 0, "AuthorizationQueryParametersError"},
		{"&X-Amz-Expires=1&X-Amz-Expires=900", 0, "AuthorizationQueryParametersError"},
		{"&X-Amz-Expires=86400", 16 * time.Minute, "SignatureDoesNotMatch"},
	} {
		q := w.presigned(t, test.expires)
		w.now = w.now.Add(test.after)
		a, reply := w.ask(t, q)
		if got := a.Refusal; reply.Code != http.StatusOK || (test.code == "") != (got == nil) || got != nil && got.Code != test.code || got == nil && a.Principal == nil {
			t.Errorf("%q after %s: %d %s", test.expires, test.after, reply.Code, reply.Body)
		}
	}
}

// TestARequestCameSafelyIfTheServiceSaysSo: the core did not see how it came.
func TestARequestCameSafelyIfTheServiceSaysSo(t *testing.T) {
	w := newWorld(t)
	for want, context := range map[string]map[string][]string{"ImplicitDeny": nil, "Allow": {"aws:SecureTransport": {"true"}}} {
		q := w.presigned(t, "")
		q.Authorize = &wire.Matter{Action: "reports:GetReport", Resource: "*", Context: context}
		if a, reply := w.ask(t, q); a.Decision == nil || a.Decision.Effect != want {
			t.Errorf("%v: %s", context, reply.Body)
		}
	}
}

func TestAQuestionThatIsNone(t *testing.T) {
	w := newWorld(t)
	sound, err := json.Marshal(w.presigned(t, ""))
	if err != nil {
		t.Fatal(err)
	}
	with := func(change func(*wire.Question)) []byte {
		q := w.presigned(t, "")
		change(q)
		text, _ := json.Marshal(q)
		return text
	}
	for name, test := range map[string]struct {
		body   []byte
		status int
		say    string
	}{
		"no JSON":               {[]byte("x"), 400, "no JSON of a question"},
		"something behind it":   {append(sound, sound...), 400, "something follows it"},
		"a member of tomorrow":  {[]byte(strings.Replace(string(sound), "{", `{"strict":true,`, 1)), 400, "strict"},
		"no method":             {with(func(q *wire.Question) { q.Method = "" }), 400, "method"},
		"a service with a star": {with(func(q *wire.Question) { q.Service = "*" }), 400, "service"},
		"a window too wide":     {with(func(q *wire.Question) { q.WindowSeconds = 901 }), 400, "window_seconds"},
		"a hash too short":      {with(func(q *wire.Question) { q.PayloadSHA256 = emptyHash[2:] }), 400, "payload_sha256"},
		"a hash too long":       {with(func(q *wire.Question) { q.PayloadSHA256 += "00" }), 400, "payload_sha256"},
		"a header twice":        {with(func(q *wire.Question) { q.Headers = map[string][]string{"X-A": {"1"}, "x-a": {"2"}} }), 400, "twice"},
		"another service":       {with(func(q *wire.Question) { q.Service = "billing" }), 403, "rolecall:VerifyRequest"},
		"too large":             {bytes.Repeat([]byte(" "), maxQuestion+1), 413, "too large"},
	} {
		reply := w.post(t, test.body, credentials())
		if reply.Code != test.status || !strings.Contains(reply.Body.String(), test.say) || strings.Contains(reply.Body.String(), `"principal"`) {
			t.Errorf("%s: %d %s, want %d %s", name, reply.Code, reply.Body, test.status, test.say)
		}
	}
	if reply := w.post(t, sound, aws.Credentials{}); reply.Code != 403 || !strings.Contains(reply.Body.String(), "MissingAuthenticationToken") {
		t.Errorf("nobody asks: %d %s", reply.Code, reply.Body)
	}
	page := httptest.NewRequestWithContext(t.Context(), http.MethodPost, wire.Path, bytes.NewReader(sound))
	page.Header.Set("Origin", "https://attacker.example")
	if reply := w.send(page); reply.Code != 403 || !strings.Contains(reply.Body.String(), "web pages") {
		t.Errorf("a page asks: %d %s", reply.Code, reply.Body)
	}
}

// TestStrangersAreLimited: who is known is not.
func TestStrangersAreLimited(t *testing.T) {
	w := newWorld(t)
	stranger := func() int {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, wire.Path, io.LimitReader(nil, 0))
		r.RemoteAddr = "192.0.2.1:1"
		return w.send(r).Code
	}
	for n := range 1000 {
		if code := stranger(); code != http.StatusForbidden {
			t.Fatalf("refusal %d: %d", n, code)
		}
	}
	if code := stranger(); code != http.StatusTooManyRequests {
		t.Errorf("one more: %d", code)
	}
	if _, reply := w.ask(t, w.presigned(t, "")); reply.Code != http.StatusOK {
		t.Errorf("a service of that address: %d", reply.Code)
	}
}
