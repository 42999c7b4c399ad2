package sts

import (
	"crypto/tls"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/rolestore/issuer/directory"
)

// How a request came is what policies may ask about. TLS is what makes
// aws:SecureTransport true, and a Unix socket has no address.
func TestPoliciesKnowHowARequestCame(t *testing.T) {
	w := newWorld(t, directory.Definitions{Accounts: []directory.AccountDefinition{{ID: account, Roles: []directory.RoleDefinition{
		role("caller", trustEC2),
		role("by-tls", trust("Allow", everyone, `{"Bool":{"aws:SecureTransport":"true"}}`)),
		role("by-socket", trust("Allow", everyone, `{"Null":{"aws:SourceIp":"true"}}`)),
		role("by-nameless", trust("Allow", everyone, `{"Null":{"aws:UserAgent":"true"}}`)),
	}}}})
	for _, test := range []struct {
		role   string
		change func(*http.Request)
	}{
		{"by-tls", func(r *http.Request) { r.TLS = &tls.ConnectionState{} }},
		{"by-socket", func(r *http.Request) { r.RemoteAddr = "@" }},
		{"by-nameless", func(r *http.Request) { r.Header.Del("User-Agent") }},
	} {
		f := form("AssumeRole", "RoleArn", roleARN(account, test.role), "RoleSessionName", "alice")
		r := w.signed(t, w.session(t, account, "caller"), f)
		r.Header.Set("User-Agent", "program/1")
		refused(t, w.send(r), http.StatusForbidden, "AccessDenied")
		r = w.signed(t, w.session(t, account, "caller"), f)
		test.change(r)
		answered(t, w.send(r))
	}
}

func TestARequestOfAProxysFormHasNoPath(t *testing.T) {
	w := newWorld(t, standard())
	r := w.signed(t, w.session(t, account, "plain"), form("GetCallerIdentity"))
	r.URL.Path = "" // POST http://127.0.0.1:8473 HTTP/1.1
	answered(t, w.send(r))
}

func TestJSONMayBeAskedForInALaterLine(t *testing.T) {
	w := newWorld(t, standard())
	r := w.signed(t, w.session(t, account, "plain"), form("GetCallerIdentity"))
	r.Header["Accept"] = []string{"text/plain", "application/json"}
	if got := w.send(r).Header().Get("Content-Type"); got != "application/json" {
		t.Errorf("the reply is of type %s", got)
	}
}

// Revocation compares when a session was issued.
func TestASessionKnowsWhenItWasIssued(t *testing.T) {
	w := newWorld(t, standard())
	reply := w.send(w.signed(t, w.session(t, account, "web"), form("AssumeRole", "RoleArn", roleARN(account, "target"), "RoleSessionName", "alice")))
	answered(t, reply)
	text := func(name string) string {
		_, rest, _ := strings.Cut(reply.Body.String(), "<"+name+">")
		value, _, _ := strings.Cut(rest, "<")
		return value
	}
	claims, _, err := w.directory.Snapshot().Sealer().Open(text("AccessKeyId"), text("SessionToken"), w.clock())
	if err != nil || !claims.Issued.Equal(w.clock()) || claims.Expires.Sub(claims.Issued) != time.Hour {
		t.Errorf("the session is %+v (%v)", claims, err)
	}
}

// A fault of the service's own is an error in its log, where refusals are not.
func TestOnlyAFaultOfOursIsLoggedAsAnError(t *testing.T) {
	w := newWorld(t, standard())
	c := &call{request: &request{action: "AssumeRole"}}
	r := get(form("AssumeRole"))
	w.logRefusal(r, c, "ID", translate(errors.New("no entropy")))
	w.logRefusal(r, c, "ID", invalidClientToken())
	if log := w.logged(); strings.Count(log, `"level":"ERROR"`) != 1 || !strings.Contains(log, `"reason":"no entropy"`) {
		t.Errorf("the log says %s", log)
	}
}
