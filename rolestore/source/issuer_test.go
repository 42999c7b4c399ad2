package source

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rolecall/rolecall/rolestore"
)

const (
	host     = "h-0123456789abcdef0"
	core     = "core-1"
	role     = "arn:aws:iam::123456789012:role/team/web"
	instance = "i-0123456789abcdef0"

	accessKey    = "ASIAIOSFODNN7EXAMPLE"
	secretKey    = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzEXAMPLEKEY"
	sessionToken = "IQoJb3JpZ2luX2VjEXAMPLETOKEN"
)

// noon has a fraction, as clocks have.
var noon = time.Date(2026, 11, 23, 12, 0, 0, 123456789, time.UTC)

// session is a reply as STS writes it, with some members left out.
func session(without ...string) string {
	var members strings.Builder
	for _, m := range [][2]string{
		{"AccessKeyId", accessKey}, {"SecretAccessKey", secretKey}, {"SessionToken", sessionToken},
		{"Expiration", "2026-11-23T18:00:00Z"},
	} {
		if !strings.Contains(strings.Join(without, " "), m[0]) {
			fmt.Fprintf(&members, "<%s>%s</%s>", m[0], m[1], m[0])
		}
	}
	return `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">` +
		`<AssumeRoleWithWebIdentityResult><Credentials>` + members.String() + `</Credentials></AssumeRoleWithWebIdentityResult>` +
		`<ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></AssumeRoleWithWebIdentityResponse>`
}

// refusal is an error as STS writes it.
func refusal(code, message string) string {
	return `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>` + code +
		`</Code><Message>` + message + `</Message></Error><RequestId>1</RequestId></ErrorResponse>`
}

// says is an issuer that always answers alike.
func says(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/xml")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

// asked are the requests that an issuer got.
type asked struct {
	mu       sync.Mutex
	requests []*http.Request // with their forms parsed
}

func (a *asked) add(r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	_ = r.ParseForm()
	a.requests = append(a.requests, r)
}

func (a *asked) all() []*http.Request {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.requests
}

// tokens are the host tokens that came with them.
func (a *asked) tokens() []string {
	var tokens []string
	for _, r := range a.all() {
		tokens = append(tokens, r.PostForm.Get("WebIdentityToken"))
	}
	return tokens
}

// serve runs an issuer on network and address until the test ends.
func serve(t *testing.T, network, address string, handler http.Handler) (net.Addr, *asked) {
	t.Helper()
	listener, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	var a asked
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.add(r)
		handler.ServeHTTP(w, r)
	})}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(listener)
	}()
	t.Cleanup(func() {
		_ = server.Close()
		<-done
	})
	return listener.Addr(), &a
}

// issuers starts the same issuer on a Unix socket and on TCP, and calls test with
// what Dial takes for each and how its address is known.
func issuers(t *testing.T, handler http.Handler, test func(t *testing.T, issuer, address string, a *asked)) {
	t.Run("unix", func(t *testing.T) {
		address, a := serve(t, "unix", filepath.Join(t.TempDir(), "issuer.sock"), handler)
		test(t, "unix:"+address.String(), address.String(), a)
	})
	t.Run("tcp", func(t *testing.T) {
		address, a := serve(t, "tcp", "127.0.0.1:0", handler)
		test(t, "http://"+address.String(), address.String(), a)
	})
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// dialed is a source for an issuer, with the key of its host.
func dialed(t *testing.T, issuer string) (*WebIdentity, *ecdsa.PrivateKey) {
	t.Helper()
	client, endpoint, err := Dial(issuer, Trust{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.CloseIdleConnections)
	key := newKey(t)
	return NewWebIdentity(WebIdentityConfig{
		Client: client, Endpoint: endpoint, Host: host, Key: key, Core: core,
		Lifetime: 6 * time.Hour, Now: func() time.Time { return noon },
	}), key
}

func web() rolestore.Instance {
	return rolestore.Instance{ID: instance, Profile: rolestore.InstanceProfile{Role: rolestore.Role{ARN: role}}}
}
