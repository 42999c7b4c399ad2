package sts

import (
	"crypto/tls"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/rolestore"
	"github.com/rolecall/rolecall/rolestore/issuer/caller"
	"github.com/rolecall/rolecall/rolestore/issuer/directory"
	"github.com/rolecall/rolecall/rolestore/issuer/query"
	"github.com/rolecall/rolecall/rolestore/issuer/sigv4"
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

// keys are the condition keys of a call that c signs.
func (w *world) keys(t *testing.T, c rolestore.Credentials) map[string][]string {
	t.Helper()
	r, d := w.signed(t, c, form("GetCallerIdentity")), w.directory.Snapshot()
	asked := &caller.Call{Request: query.New(r), Directory: d, Now: w.clock()}
	if err := asked.Read(r); err != nil {
		t.Fatal(err)
	}
	var err error
	asked.Caller, err = caller.Signed{Request: asked.Signed, Directory: d, Leases: w.config.Desk, Verifier: sigv4.NewVerifier(service),
		Fits: func(string) bool { return true }, Now: w.clock()}.Identify()
	if err != nil {
		t.Fatal(err)
	}
	return maps.Collect(asked.Context().All())
}

// Who asks is known of every kind of caller, as IAM's table of principals has it
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html#principaltable).
func TestPoliciesKnowWhoAsks(t *testing.T) {
	w := newWorld(t, withPeople(role("tagged", trustAll(""))))
	d := w.directory.Snapshot()
	user, tagged := d.User(aliceARN).UniqueID, d.RoleByName(account, "tagged").UniqueID
	issued := w.clock().Format(time.RFC3339)
	for name, test := range map[string]struct {
		c    rolestore.Credentials
		want map[string]string // empty for a key that is not there
	}{
		"a user": {alice, map[string]string{"aws:PrincipalType": "User", "aws:PrincipalArn": aliceARN, "aws:userid": user, "aws:username": "alice",
			"aws:PrincipalAccount": account, "aws:PrincipalTag/team": "red", "aws:TokenIssueTime": "", "aws:MultiFactorAuthPresent": "", "aws:MultiFactorAuthAge": "", "aws:AssumedRoot": ""}},
		"his session": {bought(t, w.call(t, alice, "GetSessionToken")), map[string]string{"aws:PrincipalType": "User", "aws:PrincipalArn": aliceARN, "aws:userid": user,
			"aws:username": "alice", "aws:PrincipalTag/team": "red", "aws:TokenIssueTime": issued, "aws:MultiFactorAuthPresent": "false", "aws:MultiFactorAuthAge": ""}},
		"his session with MFA": {bought(t, w.call(t, alice, "GetSessionToken", "SerialNumber", aliceMFA, "TokenCode", w.code(0))),
			map[string]string{"aws:MultiFactorAuthPresent": "true", "aws:MultiFactorAuthAge": "0"}},
		"a federated user": {bought(t, w.call(t, alice, "GetFederationToken", append(tag(1, "Team", "blue"), "Name", "bob")...)),
			map[string]string{"aws:PrincipalType": "FederatedUser", "aws:PrincipalArn": "arn:aws:sts::" + account + ":federated-user/bob", "aws:userid": account + ":bob",
				"aws:username": "", "aws:PrincipalTag/Team": "blue", "sts:TransitiveTagKeys": "", "aws:TokenIssueTime": issued, "aws:MultiFactorAuthPresent": "false"}},
		"a role's session": {bought(t, w.assume(t, alice, "tagged", append(tag(1, "team", "blue"), "TransitiveTagKeys.member.1", "team", "SourceIdentity", "ann")...)),
			map[string]string{"aws:PrincipalType": "AssumedRole", "aws:PrincipalArn": roleARN(account, "tagged"), "aws:userid": tagged + ":alice", "aws:username": "",
				"aws:PrincipalTag/team": "blue", "sts:TransitiveTagKeys": "team", "aws:SourceIdentity": "ann", "aws:FederatedProvider": "", "aws:RequestTag/team": "", "aws:TokenIssueTime": issued}},
		"a root": {bought(t, w.call(t, alice, "AssumeRoot", "TargetPrincipal", other, "TaskPolicyArn.arn", rootTask)),
			map[string]string{"aws:PrincipalType": "Account", "aws:PrincipalArn": "arn:aws:iam::" + other + ":root", "aws:userid": other, "aws:username": "",
				"aws:PrincipalAccount": other, "aws:AssumedRoot": "true", "aws:TokenIssueTime": issued}},
	} {
		got := w.keys(t, test.c)
		for _, key := range []string{"aws:CurrentTime", "aws:EpochTime", "aws:SecureTransport", "aws:SourceIp", "aws:RequestedRegion", "aws:ViaAWSService", "aws:PrincipalIsAWSService"} {
			if len(got[key]) != 1 {
				t.Errorf("%s: %s is %v", name, key, got[key])
			}
		}
		for key, want := range test.want {
			if value := strings.Join(got[key], ","); value != want {
				t.Errorf("%s: %s is %q, want %q", name, key, value, want)
			}
		}
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
