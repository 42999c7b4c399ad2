package sts

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/rolecall/rolecall/rolestore"
	"github.com/rolecall/rolecall/rolestore/hosttoken"
	"github.com/rolecall/rolecall/rolestore/issuer/directory"
	"github.com/rolecall/rolecall/rolestore/issuer/front"
	"github.com/rolecall/rolecall/rolestore/issuer/hosts"
	"github.com/rolecall/rolecall/rolestore/issuer/session"
	"github.com/rolecall/rolecall/rolestore/seal"
)

const (
	account   = "111122223333"
	other     = "444455556666"
	ownURL    = "https://core.example.com"
	ownDomain = "cloud.example"
	callerID  = "i-0123456789abcdef0" // the session name of every caller
	hostID    = "h-0123456789abcdef0"

	trustEveryone = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"}}`
	trustEC2      = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}}`
	allowAll      = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`
)

// world is a core with a clock that a test can set.
type world struct {
	*Server
	door      *front.Server
	directory *directory.Directory
	hostKey   *ecdsa.PrivateKey

	mu       sync.Mutex
	now      time.Time
	log      bytes.Buffer
	unlogged bool // for a benchmark, whose log would fill the memory
}

// Write makes the world the destination of its server's log.
func (w *world) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.unlogged {
		return len(p), nil
	}
	return w.log.Write(p)
}

func (w *world) logged() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.String()
}

// role defines a role that can be assumed by everyone unless trust says otherwise.
func role(name, trust string, policies ...string) directory.RoleDefinition {
	r := directory.RoleDefinition{Name: name, AssumeRolePolicyDocument: []byte(trust), Policies: map[string][]byte{}}
	for i, text := range policies {
		r.Policies[string(rune('a'+i))] = []byte(text)
	}
	return r
}

// standard defines the roles that most tests get along with.
func standard() directory.Definitions {
	long := role("long", trustEveryone)
	long.MaxSessionDuration = 12 * time.Hour
	deep := role("deep", trustEveryone)
	deep.Path = "/team/a/"
	return directory.Definitions{Accounts: []directory.AccountDefinition{
		{
			ID: account,
			Roles: []directory.RoleDefinition{
				role("web", trustEC2, allowAll), role("plain", trustEC2), role("target", trustEveryone), long, deep,
			},
			InstanceProfiles: []directory.InstanceProfileDefinition{{Name: "web", Role: "web"}, {Name: "target", Role: "target"}},
		},
		{ID: other, Roles: []directory.RoleDefinition{role("web", trustEC2, allowAll), role("target", trustEveryone)}},
	}}
}

func newWorld(t testing.TB, definitions directory.Definitions) *world {
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
	if _, err := d.Reconcile(definitions, true); err != nil {
		t.Fatal(err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{directory: d, hostKey: key, now: time.Now().UTC().Truncate(time.Second)}
	grantWeb(t, d, &key.PublicKey, w.now)
	w.open(0)
	return w
}

// open has the world served, with so many unsigned calls of one source at once, or the
// usual if 0.
func (w *world) open(burst int) {
	desk := hosts.New(w.directory, w.now)
	w.door = front.New(front.Config{Directory: w.directory, Leases: desk, URL: ownURL, Domain: ownDomain, UnsignedBurst: burst, Now: w.clock, Logger: slog.New(slog.NewJSONHandler(w, nil))})
	w.Server = New(Config{Directory: w.directory, Codes: w.directory, Desk: desk, URL: ownURL, Domain: ownDomain, Now: w.clock}, w.door)
}

// unlimited lets one source call without a signature as often as it likes.
func (w *world) unlimited() { w.open(math.MaxInt) }

// ServeHTTP implements [http.Handler].
func (w *world) ServeHTTP(to http.ResponseWriter, r *http.Request) { w.door.ServeHTTP(to, r) }

// grantWeb registers the host and grants it the role web for the one instance, if
// there is such a role.
func grantWeb(t testing.TB, d *directory.Directory, key *ecdsa.PublicKey, now time.Time) {
	t.Helper()
	if err := d.PutHost(directory.Host{ID: hostID, Account: account, Key: key}); err != nil {
		t.Fatal(err)
	}
	if d.Snapshot().InstanceProfileByName(account, "web") == nil {
		return
	}
	if err := d.PutGrant(directory.Grant{
		Name: "web", Account: account, Host: hostID,
		InstanceProfiles: []string{"arn:aws:iam::" + account + ":instance-profile/web"},
		InstanceIDs:      []string{callerID},
	}, d.Snapshot().Administrator(account, "test"), now); err != nil {
		t.Fatal(err)
	}
}

// forgetTokens lets a benchmark redeem the same token again.
func (w *world) forgetTokens() { w.config.Desk = hosts.New(w.directory, w.clock()) }

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

// session returns credentials of a session of a role, good for an hour.
func (w *world) session(t testing.TB, account, role string) rolestore.Credentials {
	t.Helper()
	s := w.directory.Snapshot()
	c, err := s.Sealer().Issue(session.Claims{
		Principal: s.RoleByName(account, role).UniqueID, Account: account, SessionName: callerID,
		Issued: w.clock(), Expires: w.clock().Add(time.Hour),
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// claims are those of a host token for the role web.
func (w *world) claims() hosttoken.Claims {
	return hosttoken.Claims{
		Host: hostID, Core: w.directory.Snapshot().CoreID(), InstanceID: callerID,
		RoleARN: roleARN(account, "web"), SessionName: callerID, Duration: time.Hour,
		Delivery: hosttoken.DeliveryV2,
	}
}

func (w *world) hostToken(t testing.TB, c hosttoken.Claims) string {
	t.Helper()
	token, err := hosttoken.Sign(w.hostKey, c, w.clock())
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func roleARN(account, name string) string { return "arn:aws:iam::" + account + ":role/" + name }

// form is a call of an action, with names and values in turn.
func form(action string, pairs ...string) url.Values {
	f := url.Values{"Action": {action}, "Version": {version}}
	for i := 0; i < len(pairs); i += 2 {
		f.Set(pairs[i], pairs[i+1])
	}
	return f
}

func post(f url.Values) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1:8473/", strings.NewReader(f.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	return r
}

func get(f url.Values) *http.Request {
	return httptest.NewRequest(http.MethodGet, "http://127.0.0.1:8473/?"+f.Encode(), nil)
}

func sdkCredentials(c rolestore.Credentials) aws.Credentials {
	return aws.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey.Reveal(), SessionToken: c.SessionToken.Reveal()}
}

// sign signs r, whose body is payload, as the SDK for Go does, at the time at.
func sign(t testing.TB, r *http.Request, payload string, c rolestore.Credentials, at time.Time) *http.Request {
	t.Helper()
	err := v4.NewSigner().SignHTTP(context.Background(), sdkCredentials(c), r, hashOf(payload), service, "eu-west-1", at)
	if err != nil {
		t.Fatal(err)
	}
	setLength(r)
	return r
}

func hashOf(payload string) string {
	sum := sha256.Sum256([]byte(payload))
	return hex.EncodeToString(sum[:])
}

// setLength sets what is signed, and what a server finds among the headers.
func setLength(r *http.Request) {
	if r.ContentLength > 0 {
		r.Header.Set("Content-Length", strconv.FormatInt(r.ContentLength, 10))
	}
}

// signed is a POST of f, signed now with c.
func (w *world) signed(t testing.TB, c rolestore.Credentials, f url.Values) *http.Request {
	t.Helper()
	return sign(t, post(f), f.Encode(), c, w.clock())
}

// send has the server answer r.
func (w *world) send(r *http.Request) *httptest.ResponseRecorder {
	recorder := httptest.NewRecorder()
	w.ServeHTTP(recorder, r)
	return recorder
}
