package issuer

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/rolestore/hosttoken"
)

// administer makes a call of root's to the admin API.
func (e *estate) administer(method, path, body string, header ...string) *httptest.ResponseRecorder {
	e.t.Helper()
	r := httptest.NewRequest(method, "http://localhost"+path, strings.NewReader(body))
	for n := 0; n+1 < len(header); n += 2 {
		r.Header.Set(header[n], header[n+1])
	}
	w := httptest.NewRecorder()
	e.Admin().Handler.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), peerKey{}, 0)))
	return w
}

func TestGrantsAreMadeAndTakenAway(t *testing.T) {
	e := newEstate(t)
	w := e.administer("PUT", "/v1/grants/web", `{"host":"`+hostOne+`","instance_profiles":["default"],"instance_ids":["i-*"],"region":"eu-central-1","tags":{"team":"blue"}}`)
	grant := e.directory.Snapshot().Grant(account, "web")
	if w.Code != http.StatusOK || grant == nil || grant.InstanceProfiles[0] != profile || grant.Region != "eu-central-1" || grant.GrantedBy != "arn:aws:sts::123456789012:assumed-role/rolecall-administrator/root" {
		t.Fatalf("the grant is %+v: %d %s", grant, w.Code, w.Body)
	}
	if w := e.administer("GET", "/v1/grants", ""); !strings.Contains(w.Body.String(), `"name":"web"`) {
		t.Errorf("the grants are %s", w.Body)
	}
	if w := e.administer("DELETE", "/v1/grants/web?account="+account, ""); w.Code != http.StatusNoContent || e.directory.Snapshot().Grant(account, "web") != nil {
		t.Errorf("the removal is %d %s", w.Code, w.Body)
	}
	if w := e.administer("GET", "/v1/grants", ""); w.Body.String() != "[]" {
		t.Errorf("the grants are %s", w.Body)
	}
	if !strings.Contains(e.log.String(), `msg="grant put"`) || !strings.Contains(e.log.String(), `msg="grant removed"`) || !strings.Contains(e.log.String(), "uid=0") {
		t.Errorf("the log is %s", e.log)
	}
}

func TestWhatAdministratorsAreRefused(t *testing.T) {
	e := newEstate(t)
	const sound = `{"host":"` + hostOne + `","instance_profiles":["default"],"instance_ids":["i-*"]}`
	for name, test := range map[string]struct {
		method, path, body string
		header             []string
		status             int
		say                string
	}{
		"a grant for nobody":         {"PUT", "/v1/grants/g", strings.Replace(sound, hostOne, hostTwo, 1), nil, 404, "core host list"},
		"a grant of everything":      {"PUT", "/v1/grants/g", strings.Replace(sound, `"default"`, `"*"`, 1), nil, 400, "* is refused"},
		"a grant for all":            {"PUT", "/v1/grants/g", strings.Replace(sound, "i-*", "*", 1), nil, 400, "begins with i-"},
		"a grant for nowhere":        {"PUT", "/v1/grants/g", strings.Replace(sound, "{", `{"region":"Frankfurt",`, 1), nil, 400, "eu-central-1"},
		"a grant of our own":         {"PUT", "/v1/grants/rolecall-up", sound, nil, 400, "`rolecall up` makes its grant anew at each start: choose another"},
		"a grant with more in it":    {"PUT", "/v1/grants/g", `{"condition":"x"}`, nil, 400, "unknown field"},
		"a grant by a web page":      {"PUT", "/v1/grants/g", sound, []string{"Origin", "https://attacker.example"}, 403, "programs"},
		"a grant that is not there":  {"DELETE", "/v1/grants/g", "", nil, 404, "grant g"},
		"a host that is not there":   {"DELETE", "/v1/hosts/" + hostTwo, "", nil, 404, hostTwo},
		"a host that is not shown":   {"GET", "/v1/hosts/" + hostTwo, "", nil, 404, "core host list"},
		"a lease that is not there":  {"DELETE", "/v1/leases/" + guest, "", nil, 404, guest},
		"sessions that are not":      {"POST", "/v1/leases/" + guest + "/revoke", "", nil, 404, guest},
		"a token for no account":     {"POST", "/v1/join-tokens", `{"account":"000000000000"}`, nil, 404, "000000000000"},
		"a token for ever":           {"POST", "/v1/join-tokens", `{"seconds":100000}`, nil, 400, "24h"},
		"a token of the past":        {"POST", "/v1/join-tokens", `{"seconds":-1}`, nil, 400, "24h"},
		"a token for a web page":     {"POST", "/v1/join-tokens", `{}`, []string{"Sec-Fetch-Site", "cross-site"}, 403, "programs"},
		"the status, for a web page": {"GET", "/v1/status", "", []string{"Origin", "null"}, 403, "programs"},
	} {
		w := e.administer(test.method, test.path, test.body, test.header...)
		if w.Code != test.status || !strings.Contains(w.Body.String(), test.say) {
			t.Errorf("%s: %d %s, want %d %s", name, w.Code, w.Body, test.status, test.say)
		}
	}
	if len(e.directory.Snapshot().Grants()) != 0 || len(e.directory.Snapshot().Hosts()) != 1 {
		t.Error("a refusal changed the directory")
	}
}

func TestAJoinTokenIsShownOnce(t *testing.T) {
	e := newEstate(t)
	if _, err := e.Certificates(); err != nil { // so that hosts know the core by its authority
		t.Fatal(err)
	}
	var made JoinToken
	w := e.administer("POST", "/v1/join-tokens", `{"seconds":60}`)
	if err := json.Unmarshal(w.Body.Bytes(), &made); err != nil || w.Header().Get("Cache-Control") != "no-store" || made.Account != account || time.Until(made.Expires) > time.Minute {
		t.Fatalf("the token is %d %s", w.Code, w.Body)
	}
	invitation, err := hosttoken.ParseInvitation(made.Token)
	if err != nil || invitation.Core != e.directory.Snapshot().CoreID() || len(invitation.Authority) != 32 {
		t.Errorf("it says %+v (%v)", invitation, err)
	}
	if strings.Contains(e.log.String(), made.Token) {
		t.Error("the log shows the token")
	}
	e.send("GET", hosttoken.PathEvents, e.token(hostOne, "core-0", "GET", hosttoken.PathEvents), "")
	if w := e.administer("GET", "/v1/status", ""); !strings.Contains(w.Body.String(), `"host_tokens":{"invalid":1}`) || !strings.Contains(w.Body.String(), `"hosts":1`) {
		t.Errorf("the status is %s", w.Body)
	}
}
