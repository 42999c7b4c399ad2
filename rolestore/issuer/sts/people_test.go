package sts

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/rolestore"
	"github.com/rolecall/rolecall/rolestore/issuer/caller"
	"github.com/rolecall/rolecall/rolestore/issuer/directory"
	"github.com/rolecall/rolecall/rolestore/issuer/front"
)

const (
	aliceKey, aliceSecret = "AKIAQ3EGRZ2ABCDEFGH2", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
	carolKey, carolSecret = "AKIAQ3EGRZ2ABCDEFGH3", "xJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
	aliceARN              = "arn:aws:iam::" + account + ":user/team/alice"
	aliceMFA              = "arn:aws:iam::" + account + ":mfa/alice"
	seedText              = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ" // RFC 6238's, in Base32
	readOnly              = "arn:aws:iam::" + account + ":policy/read"
)

var (
	alice = rolestore.Credentials{AccessKeyID: aliceKey, SecretAccessKey: rolestore.NewSecret(aliceSecret)}
	carol = rolestore.Credentials{AccessKeyID: carolKey, SecretAccessKey: rolestore.NewSecret(carolSecret)}
)

// trustAll lets everybody assume a role, tag its sessions and name himself.
func trustAll(condition string) string {
	s := `"Effect":"Allow","Principal":"*","Action":["sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"]`
	if condition != "" {
		s += `,"Condition":` + condition
	}
	return statement(s)
}

// withPeople is the standard directory with two users: alice may do everything, carol
// nothing. The other account is not home.
func withPeople(more ...directory.RoleDefinition) directory.Definitions {
	d := standard()
	a := &d.Accounts[0]
	a.JWTVendingEnabled = true
	a.Roles = append(a.Roles, more...)
	a.Policies = []directory.PolicyDefinition{{Name: "read", Document: []byte(statement(`"Effect":"Allow","Action":"s3:Get*","Resource":"*"`))}}
	a.Users = []directory.UserDefinition{
		{Name: "alice", Path: "/team/", Policies: map[string][]byte{"all": []byte(allowAll)}, Tags: map[string]string{"team": "red"},
			AccessKeys: []directory.AccessKeyDefinition{{ID: aliceKey, Secret: rolestore.NewSecret(aliceSecret)}}},
		{Name: "carol", AccessKeys: []directory.AccessKeyDefinition{{ID: carolKey, Secret: rolestore.NewSecret(carolSecret)}}},
	}
	a.VirtualMFADevices = []directory.MFADeviceDefinition{{Name: "alice", User: "alice", Seed: rolestore.NewSecret(seedText)}}
	d.Accounts[1].Roles = append(d.Accounts[1].Roles, role("tagged", trustAll("")))
	return d
}

// code is what alice's phone shows, steps from now.
func (w *world) code(steps int64) string {
	h := hmac.New(sha1.New, []byte("12345678901234567890"))
	_ = binary.Write(h, binary.BigEndian, w.clock().Unix()/30+steps)
	sum := h.Sum(nil)
	return fmt.Sprintf("%06d", (binary.BigEndian.Uint32(sum[sum[19]&15:])&0x7fffffff)%1_000_000)
}

// call has c call an action.
func (w *world) call(t testing.TB, c rolestore.Credentials, action string, pairs ...string) *httptest.ResponseRecorder {
	t.Helper()
	return w.send(w.signed(t, c, form(action, pairs...)))
}

// members are those of a reply whose text is one line, by their names.
func members(reply *httptest.ResponseRecorder) map[string]string {
	all := map[string]string{}
	for _, m := range regexp.MustCompile(`<(\w+)>([^<]*)</`).FindAllStringSubmatch(reply.Body.String(), -1) {
		all[m[1]] = m[2]
	}
	return all
}

// bought are the credentials of a reply.
func bought(t testing.TB, reply *httptest.ResponseRecorder) rolestore.Credentials {
	t.Helper()
	if reply.Code != 200 {
		t.Fatalf("got %d %s", reply.Code, reply.Body)
	}
	m := members(reply)
	return rolestore.Credentials{AccessKeyID: m["AccessKeyId"], SecretAccessKey: rolestore.NewSecret(m["SecretAccessKey"]),
		SessionToken: rolestore.NewSecret(unescaped.Replace(m["SessionToken"]))}
}

// assume is a call of AssumeRole for a role of the first account.
func (w *world) assume(t testing.TB, c rolestore.Credentials, name string, pairs ...string) *httptest.ResponseRecorder {
	t.Helper()
	return w.call(t, c, "AssumeRole", append([]string{"RoleArn", roleARN(account, name), "RoleSessionName", "alice"}, pairs...)...)
}

func TestEveryKindOfCallerIsWhoHeIs(t *testing.T) {
	w := newWorld(t, withPeople())
	d := w.directory.Snapshot()
	user, target := d.User(aliceARN).UniqueID, d.RoleByName(account, "target").UniqueID
	for _, test := range []struct {
		name             string
		c                rolestore.Credentials
		arn, id, account string
	}{
		{"a user", alice, aliceARN, user, account},
		{"his session", bought(t, w.call(t, alice, "GetSessionToken")), aliceARN, user, account},
		{"a federated user", bought(t, w.call(t, alice, "GetFederationToken", "Name", "bob")), "arn:aws:sts::" + account + ":federated-user/bob", account + ":bob", account},
		{"a role's session", bought(t, w.assume(t, alice, "target")), "arn:aws:sts::" + account + ":assumed-role/target/alice", target + ":alice", account},
		{"another account's root", bought(t, w.call(t, alice, "AssumeRoot", "TargetPrincipal", other, "TaskPolicyArn.arn", rootTask)), "arn:aws:sts::" + other + ":assumed-root", other, other},
	} {
		reply := w.call(t, test.c, "GetCallerIdentity")
		answered(t, reply)
		if m := members(reply); m["Arn"] != test.arn || m["UserId"] != test.id || m["Account"] != test.account {
			t.Errorf("%s is %s, %s of %s", test.name, m["Arn"], m["UserId"], m["Account"])
		}
	}
}

const rootTask = "arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials"

// What each kind of caller may call at all, whatever policies say.
func TestSomeCallsAreNotForEverybody(t *testing.T) {
	w := newWorld(t, withPeople())
	callers := map[string]rolestore.Credentials{
		"user session": bought(t, w.call(t, alice, "GetSessionToken")),
		"federated":    bought(t, w.call(t, alice, "GetFederationToken", "Name", "bob", "Policy", allowAll)),
		"role session": bought(t, w.assume(t, alice, "target")),
		"root":         bought(t, w.call(t, alice, "AssumeRoot", "TargetPrincipal", other, "TaskPolicyArn.arn", rootTask)),
	}
	for _, test := range []struct{ caller, action, message string }{
		{"user session", "GetSessionToken", "Cannot call GetSessionToken with session credentials"},
		{"user session", "GetFederationToken", "Cannot call GetFederationToken with session credentials"},
		{"user session", "GetAccessKeyInfo", "Cannot call GetAccessKeyInfo with session credentials"},
		{"user session", "AssumeRole", ""},
		{"federated", "AssumeRole", "Cannot call AssumeRole with session credentials"},
		{"federated", "GetSessionToken", "Cannot call GetSessionToken with session credentials"},
		{"federated", "GetWebIdentityToken", "Cannot call GetWebIdentityToken with session credentials"},
		{"role session", "GetSessionToken", "Cannot call GetSessionToken with session credentials"},
		{"role session", "GetFederationToken", "Cannot call GetFederationToken with session credentials"},
		{"role session", "AssumeRole", ""},
		{"root", "AssumeRole", "Roles may not be assumed by root accounts."},
		{"root", "AssumeRoot", "Cannot call AssumeRoot with session credentials"},
		{"root", "GetSessionToken", "Cannot call GetSessionToken with session credentials"},
	} {
		reply := w.call(t, callers[test.caller], test.action, "RoleArn", roleARN(account, "target"), "RoleSessionName", "alice")
		if test.message == "" {
			answered(t, reply)
		} else if got := refused(t, reply, 403, "AccessDenied"); got != test.message {
			t.Errorf("%s of a %s: %q", test.action, test.caller, got)
		}
	}
}

func TestAnAccessKeyThatIsNotActiveIsUnknown(t *testing.T) {
	definitions := withPeople()
	w := newWorld(t, definitions)
	answered(t, w.call(t, alice, "GetCallerIdentity"))
	session := bought(t, w.call(t, alice, "GetSessionToken"))
	withToken := alice
	withToken.SessionToken = session.SessionToken
	refused(t, w.call(t, withToken, "GetCallerIdentity"), 403, "InvalidClientTokenId")
	wrong := alice
	wrong.SecretAccessKey = carol.SecretAccessKey
	refused(t, w.call(t, wrong, "GetCallerIdentity"), 403, "SignatureDoesNotMatch")

	user := &definitions.Accounts[0].Users[0]
	user.AccessKeys[0].Status = "Inactive"
	w.reconcile(t, definitions)
	refused(t, w.call(t, alice, "GetCallerIdentity"), 403, "InvalidClientTokenId")
	answered(t, w.call(t, session, "GetCallerIdentity")) // as at AWS

	user.Path = "/other/" // another user of the name
	w.reconcile(t, definitions)
	refused(t, w.call(t, session, "GetCallerIdentity"), 403, "InvalidClientTokenId")
	user.Path, user.AccessKeys[0].Status = "/team/", ""
	w.reconcile(t, definitions)
	refused(t, w.call(t, session, "GetCallerIdentity"), 403, "InvalidClientTokenId")
	answered(t, w.call(t, alice, "GetCallerIdentity"))
}

func (w *world) reconcile(t testing.TB, d directory.Definitions) {
	t.Helper()
	if _, err := w.directory.Reconcile(d, true); err != nil {
		t.Fatal(err)
	}
}

func TestAMFACodeIsGoodOnce(t *testing.T) {
	const (
		invalid = "MultiFactorAuthentication failed with invalid MFA one time pass code. "
		both    = "MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code. "
		unable  = "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is valid and associated with this user. "
	)
	needsMFA := trust("Allow", callerAccount, `{"Bool":{"aws:MultiFactorAuthPresent":"true"},"NumericLessThan":{"aws:MultiFactorAuthAge":"60"}}`)
	w := newWorld(t, withPeople(role("safe", needsMFA)))
	refused(t, w.assume(t, alice, "safe"), 403, "AccessDenied")
	good := w.code(0)
	answered(t, w.assume(t, alice, "safe", "SerialNumber", aliceMFA, "TokenCode", good))
	for _, test := range []struct {
		c                     rolestore.Credentials
		serial, code, message string
	}{
		{alice, aliceMFA, good, invalid},
		{alice, aliceMFA, w.code(5), invalid},
		{alice, aliceMFA, "", both},
		{alice, "", w.code(1), both},
		{alice, aliceMFA + "x", w.code(1), unable},
		{carol, aliceMFA, w.code(1), unable},
		{w.session(t, account, "web"), aliceMFA, w.code(1), unable},
	} {
		var pairs []string
		if test.serial != "" {
			pairs = append(pairs, "SerialNumber", test.serial)
		}
		if test.code != "" {
			pairs = append(pairs, "TokenCode", test.code)
		}
		if got := refused(t, w.assume(t, test.c, "safe", pairs...), 403, "AccessDenied"); got != test.message {
			t.Errorf("%q", got)
		}
	}
	// What GetSessionToken proved holds on, and grows old.
	session := bought(t, w.call(t, alice, "GetSessionToken", "SerialNumber", aliceMFA, "TokenCode", w.code(1), "DurationSeconds", "129600"))
	answered(t, w.assume(t, session, "safe"))
	w.advance(time.Minute)
	refused(t, w.assume(t, session, "safe"), 403, "AccessDenied")
	// The role's own sessions do not have it.
	plain := bought(t, w.call(t, alice, "GetSessionToken"))
	refused(t, w.assume(t, plain, "safe"), 403, "AccessDenied")
}

func TestMFACodesCannotBeGuessed(t *testing.T) {
	w := newWorld(t, withPeople())
	for range guessBurst {
		refused(t, w.call(t, alice, "GetSessionToken", "SerialNumber", aliceMFA, "TokenCode", w.code(5)), 403, "AccessDenied")
	}
	refused(t, w.call(t, alice, "GetSessionToken", "SerialNumber", aliceMFA, "TokenCode", w.code(0)), 400, "Throttling")
	w.advance(guessEvery)
	answered(t, w.call(t, alice, "GetSessionToken", "SerialNumber", aliceMFA, "TokenCode", w.code(0)))
}

func TestGetFederationToken(t *testing.T) {
	w := newWorld(t, withPeople())
	reply := w.call(t, alice, "GetFederationToken", "Name", "bob", "Policy", allowAll, "Tags.member.1.Key", "cost", "Tags.member.1.Value", "a b")
	m := members(reply)
	if m["FederatedUserId"] != account+":bob" || m["Arn"] != "arn:aws:sts::"+account+":federated-user/bob" || m["PackedPolicySize"] == "0" {
		t.Errorf("got %v", m)
	}
	if want := w.clock().Add(12 * time.Hour).Format(time.RFC3339); m["Expiration"] != want {
		t.Errorf("Expiration %s, want %s", m["Expiration"], want)
	}
	if m := members(w.call(t, alice, "GetFederationToken", "Name", "bob")); m["PackedPolicySize"] != "0" {
		t.Errorf("without a policy: %v", m)
	}
	const arn = "arn:aws:sts::" + account + ":federated-user/bob"
	if got := refused(t, w.call(t, carol, "GetFederationToken", "Name", "bob"), 403, "AccessDenied"); got != "User: arn:aws:iam::"+account+
		":user/carol is not authorized to perform: sts:GetFederationToken on resource: "+arn+" because no identity-based policy allows the sts:GetFederationToken action" {
		t.Errorf("carol: %q", got)
	}
	refused(t, w.call(t, alice, "GetFederationToken", "Name", "bob", "Policy", `{"Version":"2012-10-17"}`), 400, "MalformedPolicyDocument")
	refused(t, w.call(t, alice, "GetFederationToken", "Name", "bob", "PolicyArns.member.1.arn", readOnly+"x"), 400, "ValidationError")
	answered(t, w.call(t, alice, "GetFederationToken", "Name", "bob", "PolicyArns.member.1.arn", readOnly))
	refused(t, w.call(t, alice, "GetFederationToken", "Name", "bob", "TransitiveTagKeys.member.1", "cost"), 400, "ValidationError")
	if got := refused(t, w.call(t, alice, "GetFederationToken", "Name", strings.Repeat("b", 33), "DurationSeconds", "129601"), 400, "ValidationError"); !strings.HasPrefix(got, "2 validation errors detected: ") {
		t.Errorf("%q", got)
	}
}

func TestTheTagsOfAFederatedUserNeedAPermission(t *testing.T) {
	definitions := withPeople()
	ask := `{"Effect":"Allow","Action":"sts:GetFederationToken","Resource":"*"}`
	allow := func(more string) {
		definitions.Accounts[0].Users[1].Policies = map[string][]byte{"some": []byte(`{"Version":"2012-10-17","Statement":[` + ask + more + `]}`)}
	}
	allow("")
	w := newWorld(t, definitions)
	answered(t, w.call(t, carol, "GetFederationToken", "Name", "bob"))
	tagged := append(tag(1, "cost", "7"), "Name", "bob")
	if got := refused(t, w.call(t, carol, "GetFederationToken", tagged...), 403, "AccessDenied"); !strings.Contains(got, " perform: sts:TagSession on resource: arn:aws:sts::"+account+":federated-user/bob ") {
		t.Errorf("%q", got)
	}
	allow(`,{"Effect":"Allow","Action":"sts:TagSession","Resource":"*","Condition":{"StringEquals":{"aws:RequestTag/cost":"7"},"ForAllValues:StringEquals":{"aws:TagKeys":"cost"}}}`)
	w.reconcile(t, definitions)
	answered(t, w.call(t, carol, "GetFederationToken", tagged...))
	refused(t, w.call(t, carol, "GetFederationToken", append(tag(2, "more", ""), tagged...)...), 403, "AccessDenied")
}

func TestGetSessionTokenNeedsNoPermission(t *testing.T) {
	definitions := withPeople()
	definitions.Accounts[0].Users[1].Policies = map[string][]byte{"none": []byte(statement(`"Effect":"Deny","Action":"*","Resource":"*"`))}
	w := newWorld(t, definitions)
	reply := w.call(t, carol, "GetSessionToken")
	if m := members(reply); m["Expiration"] != w.clock().Add(12*time.Hour).Format(time.RFC3339) || m["PackedPolicySize"] != "" {
		t.Errorf("got %v", m)
	}
	long := bought(t, w.call(t, carol, "GetSessionToken", "DurationSeconds", "129600"))
	w.advance(36*time.Hour - time.Second)
	answered(t, w.call(t, long, "GetCallerIdentity"))
	w.advance(time.Second)
	refused(t, w.call(t, long, "GetCallerIdentity"), 403, "ExpiredToken")
}

func TestGetAccessKeyInfo(t *testing.T) {
	w := newWorld(t, withPeople())
	session := w.session(t, other, "target")
	for id, want := range map[string]string{aliceKey: account, session.AccessKeyID: other} {
		if m := members(w.call(t, alice, "GetAccessKeyInfo", "AccessKeyId", id)); m["Account"] != want {
			t.Errorf("%s is of %q", id, m["Account"])
		}
	}
	refused(t, w.call(t, alice, "GetAccessKeyInfo", "AccessKeyId", "ASIAY34FZKBOKMUTVV7A"), 400, "ValidationError")
	refused(t, w.call(t, alice, "GetAccessKeyInfo", "AccessKeyId", "short"), 400, "ValidationError")
	refused(t, w.call(t, carol, "GetAccessKeyInfo", "AccessKeyId", aliceKey), 403, "AccessDenied")
}

func TestARefusalCanBeDecodedByThoseWhoMay(t *testing.T) {
	definitions := withPeople(role("closed", trustEC2))
	w := newWorld(t, definitions)
	reply := w.assume(t, carol, "closed")
	encoded := reply.Header()[front.EncodedHeader][0]
	decoded := w.call(t, alice, "DecodeAuthorizationMessage", "EncodedMessage", encoded)
	answered(t, decoded)
	var m caller.Message
	if err := json.Unmarshal([]byte(unescaped.Replace(members(decoded)["DecodedMessage"])), &m); err != nil {
		t.Fatal(err)
	}
	if m.Allowed || m.ExplicitDeny || m.Context.Principal["arn"] != "arn:aws:iam::"+account+":user/carol" ||
		m.Context.Action != "sts:AssumeRole" || m.Context.Resource != roleARN(account, "closed") || len(m.Context.Conditions.Items) < 8 {
		t.Errorf("decoded: %+v", m)
	}
	// Of a role that is not there it has the same length.
	if absent := w.assume(t, carol, "absent").Header()[front.EncodedHeader][0]; len(absent) != len(encoded) {
		t.Errorf("%d and %d characters tell whether a role exists", len(absent), len(encoded))
	}
	refused(t, w.call(t, carol, "DecodeAuthorizationMessage", "EncodedMessage", encoded), 403, "AccessDenied")
	refused(t, w.call(t, w.session(t, other, "web"), "DecodeAuthorizationMessage", "EncodedMessage", encoded), 400, "InvalidAuthorizationMessageException")
	refused(t, w.call(t, alice, "DecodeAuthorizationMessage", "EncodedMessage", "x"+encoded), 400, "InvalidAuthorizationMessageException")
	w.advance(25 * time.Hour)
	refused(t, w.call(t, alice, "DecodeAuthorizationMessage", "EncodedMessage", encoded), 400, "InvalidAuthorizationMessageException")
}

func TestAssumeRoot(t *testing.T) {
	w := newWorld(t, withPeople())
	ask := func(c rolestore.Credentials, target, task string, more ...string) *httptest.ResponseRecorder {
		return w.call(t, c, "AssumeRoot", append([]string{"TargetPrincipal", target, "TaskPolicyArn.arn", task}, more...)...)
	}
	if m := members(ask(alice, "arn:aws:iam::"+other+":root", rootTask)); m["Expiration"] != w.clock().Add(15*time.Minute).Format(time.RFC3339) {
		t.Errorf("got %v", m)
	}
	answered(t, ask(alice, other, rootTask, "DurationSeconds", "0"))
	refused(t, ask(alice, other, rootTask, "DurationSeconds", "901"), 400, "ValidationError")
	refused(t, ask(alice, other, "arn:aws:iam::aws:policy/AdministratorAccess"), 400, "ValidationError")
	refused(t, ask(alice, "arn:aws:iam::"+other+":user/x", rootTask), 400, "ValidationError")
	refused(t, ask(alice, account, rootTask), 403, "AccessDenied")        // home itself
	refused(t, ask(alice, "999999999999", rootTask), 403, "AccessDenied") // not ours
	// Who may not ask does not learn which accounts there are.
	there, nowhere := refused(t, ask(carol, other, rootTask), 403, "AccessDenied"), refused(t, ask(carol, "999999999999", rootTask), 403, "AccessDenied")
	if there != strings.ReplaceAll(nowhere, "999999999999", other) || !strings.HasSuffix(there, " because no identity-based policy allows the sts:AssumeRoot action") {
		t.Errorf("%q and %q", there, nowhere)
	}
	refused(t, ask(w.session(t, other, "web"), account, rootTask), 403, "AccessDenied") // not of the home account
	f := form("AssumeRoot", "TargetPrincipal", other, "TaskPolicyArn.arn", rootTask)
	r := post(f)
	r.Host = "sts.amazonaws.com"
	refused(t, w.send(sign(t, r, f.Encode(), alice, w.clock())), 400, "InvalidAction")
}

// A root's session is for one task, of which the caller's policies know.
func TestARootsSessionIsForItsTaskAlone(t *testing.T) {
	definitions := withPeople(role("open", trustAll(""), allowAll))
	definitions.Accounts[0].Users[1].Policies = map[string][]byte{"task": []byte(statement(
		`"Effect":"Allow","Action":"sts:AssumeRoot","Resource":"*","Condition":{"StringEquals":{"sts:TaskPolicyArn":"` + rootTask + `"}}`))}
	w := newWorld(t, definitions)
	ask := func(c rolestore.Credentials, task string) *httptest.ResponseRecorder {
		return w.call(t, c, "AssumeRoot", "TargetPrincipal", other, "TaskPolicyArn.arn", task)
	}
	answered(t, ask(carol, rootTask))
	refused(t, ask(carol, "arn:aws:iam::aws:policy/root-task/S3UnlockBucketPolicy"), 403, "AccessDenied")

	reply := ask(bought(t, w.assume(t, alice, "open", "SourceIdentity", "ann")), rootTask)
	root := bought(t, reply)
	claims, _, err := w.directory.Snapshot().Sealer().Open(root.AccessKeyID, root.SessionToken.Reveal(), w.clock())
	if err != nil || !slices.Equal(claims.PolicyARNs, []string{rootTask}) || claims.SourceIdentity != "ann" || members(reply)["SourceIdentity"] != "ann" {
		t.Errorf("%+v, %v", claims, err)
	}
}

func TestADelegatedAccessTokenIsAlwaysTooOld(t *testing.T) {
	w := newWorld(t, withPeople())
	refused(t, w.call(t, alice, "GetDelegatedAccessToken", "TradeInToken", "token"), 400, "ExpiredTradeInTokenException")
	refused(t, w.call(t, alice, "GetDelegatedAccessToken"), 400, "ValidationError")
	refused(t, w.send(post(form("GetDelegatedAccessToken", "TradeInToken", "token"))), 403, "MissingAuthenticationToken")
}
