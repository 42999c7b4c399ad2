package issuer

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/rolestore/hosttoken"
	"github.com/rolecall/rolecall/rolestore/issuer/directory"
)

const (
	account = "123456789012"
	hostOne = "h-00000000000000001"
	hostTwo = "h-00000000000000002"
	guest   = "i-0123456789abcdef0"
	profile = "arn:aws:iam::123456789012:instance-profile/default"
)

// estate is a core with the keys of two hosts, of which the first is registered.
type estate struct {
	*Core
	t    testing.TB
	log  *bytes.Buffer
	keys map[string]*ecdsa.PrivateKey
}

func newEstate(t testing.TB) *estate {
	t.Helper()
	definitions := directory.Default(account)
	e := &estate{t: t, log: new(bytes.Buffer), keys: map[string]*ecdsa.PrivateKey{}}
	e.Core = core(t, t.TempDir(), &definitions, e.log)
	t.Cleanup(func() { _ = e.Close() })
	for _, id := range []string{hostOne, hostTwo} {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		e.keys[id] = key
	}
	e.register(hostOne)
	return e
}

func (e *estate) register(id string) {
	e.t.Helper()
	if err := e.directory.PutHost(directory.Host{ID: id, Account: account, Key: &e.keys[id].PublicKey}); err != nil {
		e.t.Fatal(err)
	}
}

func (e *estate) grant(id string, tags map[string]string) {
	e.t.Helper()
	err := e.directory.PutGrant(directory.Grant{Name: id, Account: account, Host: id, InstanceProfiles: []string{profile}, InstanceIDs: []string{"i-*"}, Tags: tags},
		e.directory.Snapshot().Administrator(account, "test"), time.Now())
	if err != nil {
		e.t.Fatal(err)
	}
}

func (e *estate) claim(id string) directory.Lease {
	e.t.Helper()
	lease, err := e.directory.Claim(guest, id, e.directory.Snapshot().RoleByName(account, "default").UniqueID, time.Now())
	if err != nil {
		e.t.Fatal(err)
	}
	return lease
}

func (e *estate) token(id, core, method, path string) string {
	e.t.Helper()
	token, err := hosttoken.SignCall(e.keys[id], hosttoken.Call{Host: id, Core: core, Method: method, Path: path}, time.Now())
	if err != nil {
		e.t.Fatal(err)
	}
	return token
}

// call makes a host's call, signed as it is.
func (e *estate) call(id, method, path string) *httptest.ResponseRecorder {
	e.t.Helper()
	return e.send(method, path, e.token(id, e.directory.Snapshot().CoreID(), method, path), "")
}

func (e *estate) send(method, path, token, body string, header ...string) *httptest.ResponseRecorder {
	e.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Host, r.RemoteAddr = "127.0.0.1", "@" // nobody counts these
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for n := 0; n+1 < len(header); n += 2 {
		r.Header.Set(header[n], header[n+1])
	}
	w := httptest.NewRecorder()
	e.Public().Handler.ServeHTTP(w, r)
	return w
}

func (e *estate) refused(name string, w *httptest.ResponseRecorder, status int, say string) {
	e.t.Helper()
	var refusal hosttoken.Refusal
	if err := json.Unmarshal(w.Body.Bytes(), &refusal); err != nil || w.Code != status || !strings.Contains(refusal.Message, say) {
		e.t.Errorf("%s: %d %s (%v), want %d %q", name, w.Code, w.Body, err, status, say)
	}
}

// invite makes an invitation.
func (e *estate) invite() hosttoken.Invitation {
	e.t.Helper()
	i := hosttoken.NewInvitation(e.directory.Snapshot().CoreID(), nil)
	if err := e.directory.PutJoinToken(i.Secret, account, time.Now().Add(time.Hour), time.Now()); err != nil {
		e.t.Fatal(err)
	}
	return i
}

// joining is a request to join by the id and key of a host.
func (e *estate) joining(secret []byte, id string, key *ecdsa.PublicKey) string {
	e.t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		e.t.Fatal(err)
	}
	text, err := json.Marshal(hosttoken.JoinRequest{Secret: secret, HostID: id, PublicKey: der})
	if err != nil {
		e.t.Fatal(err)
	}
	return string(text)
}

func TestWhoJoinsHoldsTheKey(t *testing.T) {
	e := newEstate(t)
	invitation := e.invite()
	core, mine, other := e.directory.Snapshot().CoreID(), &e.keys[hostTwo].PublicKey, &e.keys[hostOne].PublicKey
	sound := e.joining(invitation.Secret, hostTwo, mine)
	large, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	token := func(id, method, path string) string { return e.token(id, core, method, path) }
	const post, path = http.MethodPost, hosttoken.PathJoin
	for name, test := range map[string]struct {
		token, body string
		header      []string
		status      int
		say         string
	}{
		"without a token":                {"", sound, nil, 401, "no bearer token"},
		"another's public key":           {token(hostTwo, post, path), e.joining(invitation.Secret, hostTwo, other), nil, 403, "no host of this id and key"},
		"another's id":                   {token(hostTwo, post, path), e.joining(invitation.Secret, "h-00000000000000003", mine), nil, 403, "no host of this id and key"},
		"a token for another core":       {e.token(hostTwo, "core-0000000000000000", post, path), sound, nil, 401, "not valid"},
		"a token for another call":       {token(hostTwo, post, hosttoken.PathLeases), sound, nil, 403, "another request"},
		"a secret that was guessed":      {token(hostTwo, post, path), e.joining([]byte("guess"), hostTwo, mine), nil, 403, "unknown, used or expired"},
		"a web page":                     {token(hostTwo, post, path), sound, []string{"Origin", "https://attacker.example"}, 401, ""},
		"no JSON":                        {token(hostTwo, post, path), "x", nil, 400, "no JSON"},
		"a key that is none":             {token(hostTwo, post, path), `{"host_id":"` + hostTwo + `","public_key":"AA=="}`, nil, 400, "P-256"},
		"a key on another curve":         {token(hostTwo, post, path), e.joining(invitation.Secret, hostTwo, &large.PublicKey), nil, 400, "P-256"},
		"an id that is none":             {token(hostTwo, post, path), e.joining(invitation.Secret, "host", mine), nil, 400, "P-256"},
		"a body without end":             {token(hostTwo, post, path), `{"host_id":"` + strings.Repeat("x", maxHostBody), nil, 400, "no JSON"},
		"the place of one that is there": {token(hostTwo, post, path), e.joining(invitation.Secret, hostOne, mine), nil, 403, "no host of this id and key"},
	} {
		e.refused(name, e.send(post, path, test.token, test.body, test.header...), test.status, test.say)
	}
	if got := e.directory.Snapshot().Host(hostTwo); got != nil {
		t.Fatalf("a host has joined: %+v", got)
	}
	w := e.send(post, path, token(hostTwo, post, path), sound)
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), account) {
		t.Errorf("none of this used the invitation up, and yet: %d %s", w.Code, w.Body)
	}
	e.refused("once more", e.send(post, path, token(hostTwo, post, path), sound), 403, "unknown, used or expired")
	for _, secret := range []string{base64.StdEncoding.EncodeToString(invitation.Secret), string(invitation.Secret), token(hostTwo, post, path)[:60]} {
		if strings.Contains(e.log.String(), secret) {
			t.Errorf("the log shows a secret:\n%s", e.log)
		}
	}
	if !strings.Contains(e.log.String(), `msg="host refused"`) || e.desk.Counts()["invalid"] < 4 || e.desk.Counts()["join_token"] != 2 || e.desk.Counts()["accepted"] != 1 || e.desk.Counts()["other_request"] != 1 {
		t.Errorf("refusals are counted as %v and logged as %s", e.desk.Counts(), e.log)
	}
}

func TestAHostReachesWhatIsItsOwn(t *testing.T) {
	e := newEstate(t)
	e.register(hostTwo)
	e.grant(hostOne, nil)
	lease := e.claim(hostOne)
	path := hosttoken.PathLeases + guest
	e.refused("another's lease", e.call(hostTwo, http.MethodDelete, path), 404, "nothing of that name")
	e.refused("another's sessions", e.call(hostTwo, http.MethodPost, path+"/revoke"), 404, "nothing of that name")
	e.refused("a profile that is not granted", e.call(hostTwo, http.MethodGet, hosttoken.PathProfiles+"default"), 404, "nothing of that name")
	e.refused("a profile that is not there", e.call(hostOne, http.MethodGet, hosttoken.PathProfiles+"nowhere"), 404, "nothing of that name")
	e.refused("without a token", e.send(http.MethodDelete, path, "", ""), 401, "no bearer token")
	core := e.directory.Snapshot().CoreID()
	e.refused("a token for another core", e.send(http.MethodDelete, path, e.token(hostOne, "core-0", http.MethodDelete, path), ""), 401, "not valid")
	e.refused("a token for another instance", e.send(http.MethodDelete, path, e.token(hostOne, core, http.MethodDelete, path+"0"), ""), 403, "another request")
	e.refused("another's key", e.send(http.MethodDelete, path, swap(t, e, core, path), ""), 403, "no host of this id and key")
	if got, _ := e.directory.Lease(guest); got != lease {
		t.Fatalf("the lease is %+v", got)
	}

	var p hosttoken.Profile
	w := e.call(hostOne, http.MethodGet, hosttoken.PathProfiles+"default")
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p.ARN != profile || p.RoleARN != "arn:aws:iam::123456789012:role/default" || !strings.HasPrefix(p.ID, "AIPA") {
		t.Errorf("the profile is %d %s", w.Code, w.Body)
	}
	var event hosttoken.Event
	w = e.call(hostOne, http.MethodPost, path+"/revoke")
	if err := json.Unmarshal(w.Body.Bytes(), &event); err != nil || !event.Valid || event.Since.IsZero() || event.InstanceID != guest {
		t.Errorf("the revocation is %d %s", w.Code, w.Body)
	}
	once := e.token(hostOne, core, http.MethodDelete, path)
	if w := e.send(http.MethodDelete, path, once, ""); w.Code != http.StatusNoContent {
		t.Errorf("the release is %d %s", w.Code, w.Body)
	}
	e.claim(hostOne)
	e.refused("the release, replayed", e.send(http.MethodDelete, path, once, ""), 401, "used before")
	if w := e.send(http.MethodGet, hosttoken.Prefix+"nothing", "", ""); w.Code != http.StatusNotFound {
		t.Errorf("a path of nothing: %d %s", w.Code, w.Body)
	}
	if w := e.send(http.MethodGet, "/?Action=GetCallerIdentity&Version=2011-06-15", "", ""); !strings.Contains(w.Body.String(), "MissingAuthenticationToken") {
		t.Errorf("STS beside it: %d %s", w.Code, w.Body)
	}
}

// swap signs in the name of the first host with the key of the second.
func swap(t *testing.T, e *estate, core, path string) string {
	t.Helper()
	token, err := hosttoken.SignCall(e.keys[hostTwo], hosttoken.Call{Host: hostOne, Core: core, Method: http.MethodDelete, Path: path}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// TestCallsOfOneSourceAreLimited asks with what costs the most that somebody unknown can
// make it cost. Whose address it is does not depend on what he says.
func TestCallsOfOneSourceAreLimited(t *testing.T) {
	e := newEstate(t)
	ask := func(from string) int {
		r := httptest.NewRequest(http.MethodPost, hosttoken.PathJoin, strings.NewReader("{}"))
		r.Host, r.RemoteAddr = "127.0.0.1", from
		r.Header.Set("X-Forwarded-For", "192.0.2.99")
		w := httptest.NewRecorder()
		e.Public().Handler.ServeHTTP(w, r)
		return w.Code
	}
	refused := false
	for range 20_000 {
		if ask("192.0.2.1:1") == http.StatusTooManyRequests {
			refused = true
			break
		}
	}
	if !refused {
		t.Fatal("one source may ask without an end")
	}
	for _, other := range []string{"192.0.2.2:1", "@"} {
		if got := ask(other); got != http.StatusBadRequest {
			t.Errorf("%s is answered %d", other, got)
		}
	}
}

func FuzzHostAPI(f *testing.F) {
	e := newEstate(f)
	e.grant(hostOne, nil)
	core := e.directory.Snapshot().CoreID()
	token := e.token(hostOne, core, http.MethodDelete, hosttoken.PathLeases+guest)
	f.Add("POST", "join", "", e.joining([]byte("x"), hostTwo, &e.keys[hostTwo].PublicKey))
	f.Add("DELETE", "leases/"+guest, token[:len(token)-2], "")
	f.Add("GET", "events", "a.b.c", "")
	f.Add("POST", "leases/%2e%2e/revoke", token, "{}")
	f.Fuzz(func(t *testing.T, method, path, token, body string) {
		r, err := http.NewRequestWithContext(t.Context(), method, "http://127.0.0.1"+hosttoken.Prefix+path, strings.NewReader(body))
		if err != nil {
			return // no request that a client could send
		}
		r.Header["Authorization"] = []string{"Bearer " + token}
		w := httptest.NewRecorder()
		e.Public().Handler.ServeHTTP(w, r)
		if w.Code < 400 || w.Code > 499 {
			t.Fatal(fmt.Sprint(w.Code), w.Body)
		}
	})
}
