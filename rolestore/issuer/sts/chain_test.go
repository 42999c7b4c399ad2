package sts

import (
	"crypto/rand"
	"encoding/base32"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/rolestore/issuer/directory"
)

// chain are roles of which the first may be assumed by alice and the second by the
// sessions of the first.
func chain(second string) directory.Definitions {
	first := role("first", trustAll(""), allowAll)
	first.Tags = map[string]string{"team": "blue", "unit": "9"}
	next := role("second", second)
	next.Tags = map[string]string{"team": "black"}
	return withPeople(first, next)
}

func tag(n int, key, value string) []string {
	member := "Tags.member." + strconv.Itoa(n)
	return []string{member + ".Key", key, member + ".Value", value}
}

func TestALongTermKeyBuysAsLongAsTheRoleAllows(t *testing.T) {
	w := newWorld(t, withPeople())
	m := members(w.assume(t, alice, "long", "DurationSeconds", "43200"))
	if m["Expiration"] != w.clock().Add(12*time.Hour).Format(time.RFC3339) {
		t.Errorf("got %v", m)
	}
	session := bought(t, w.call(t, alice, "GetSessionToken"))
	if got := refused(t, w.assume(t, session, "long", "DurationSeconds", "3601"), 400, "ValidationError"); got != "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining." {
		t.Errorf("with a session of GetSessionToken: %q", got)
	}
}

func TestWhatNarrowsASession(t *testing.T) {
	second := trust("Allow", callerAccount, "")
	w := newWorld(t, chain(second))
	only := statement(`"Effect":"Allow","Action":"sts:AssumeRole","Resource":"arn:aws:iam::` + account + `:role/other"`)
	deny := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"sts:AssumeRole","Resource":"*"}]}`
	for _, test := range []struct {
		name    string
		pairs   []string
		allowed bool
	}{
		{"nothing", nil, true},
		{"a policy that allows it", []string{"Policy", allowAll}, true},
		{"a policy that allows something else", []string{"Policy", only}, false},
		{"a policy that denies it", []string{"Policy", deny}, false},
		{"a managed policy that allows it", []string{"PolicyArns.member.1.arn", "arn:aws:iam::aws:policy/AdministratorAccess"}, true},
		{"a managed policy that does not", []string{"PolicyArns.member.1.arn", readOnly}, false},
		{"one of two that allows it", []string{"PolicyArns.member.1.arn", readOnly, "Policy", allowAll}, true},
		{"a managed policy that denies all", []string{"PolicyArns.member.1.arn", "arn:aws:iam::aws:policy/AWSDenyAll", "Policy", allowAll}, false},
	} {
		session := bought(t, w.assume(t, alice, "first", test.pairs...))
		if reply := w.assume(t, session, "second"); (reply.Code == 200) != test.allowed {
			t.Errorf("%s: %d %s", test.name, reply.Code, reply.Body)
		}
	}
}

// A session policy packs well that says the same a thousand times, and is read with
// each call.
func TestASessionPolicyIsNotLong(t *testing.T) {
	w := newWorld(t, withPeople())
	long := func(n int) string {
		return statement(`"Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringLike":{"aws:UserAgent":[` +
			strings.Repeat(`"*b*",`, n) + `"c"]}}`)
	}
	answered(t, w.assume(t, alice, "target", "Policy", long(2000)))
	if got := refused(t, w.assume(t, alice, "target", "Policy", long(3000)), 400, "ValidationError"); !strings.HasSuffix(got, "Member must have length less than or equal to 16384") {
		t.Errorf("got %.100q", got)
	}
}

// What a session may do is what its policies say when it is used.
// A stranger may send one with AssumeRoleWithWebIdentity, and it is not parsed if it is
// longer than it may be.
func TestASessionPolicyBeyondItsBoundsIsNotParsed(t *testing.T) {
	for length, parsed := range map[int]bool{2048: true, 2049: false} {
		p := newReader(url.Values{"Policy": {strings.Repeat("{", length)}})
		p.limits(sessionPolicyBounds.Max)
		if (p.Invalid != nil) != parsed || p.Within() != parsed {
			t.Errorf("of %d characters: %v, %v", length, p.Invalid, p.Err())
		}
	}
}

func TestPermissionsAreThoseOfNow(t *testing.T) {
	definitions := chain(trust("Allow", callerAccount, ""))
	w := newWorld(t, definitions)
	session := bought(t, w.assume(t, alice, "first"))
	narrowed := bought(t, w.assume(t, alice, "first", "PolicyArns.member.1.arn", readOnly))
	both := bought(t, w.assume(t, alice, "first", "PolicyArns.member.1.arn", readOnly, "Policy", allowAll))
	answered(t, w.assume(t, session, "second"))
	answered(t, w.assume(t, both, "second"))
	refused(t, w.assume(t, narrowed, "second"), 403, "AccessDenied")

	a := &definitions.Accounts[0]
	first := &a.Roles[len(a.Roles)-2]
	first.Policies["AWSRevokeOlderSessions"] = []byte(statement(`"Effect":"Deny","Action":["*"],"Resource":["*"],"Condition":{"DateLessThan":{"aws:TokenIssueTime":"` +
		w.clock().Add(time.Second).Format(time.RFC3339) + `"}}`))
	a.Policies[0].Document = []byte(allowAll)
	w.reconcile(t, definitions)
	if got := refused(t, w.assume(t, session, "second"), 403, "AccessDenied"); !strings.HasSuffix(got, " with an explicit deny in an identity-based policy") {
		t.Errorf("an older session: %q", got)
	}
	w.advance(time.Second)
	answered(t, w.assume(t, bought(t, w.assume(t, alice, "first")), "second"))
	delete(first.Policies, "AWSRevokeOlderSessions")
	w.reconcile(t, definitions)
	answered(t, w.assume(t, narrowed, "second")) // its managed policy says otherwise now
	answered(t, w.assume(t, narrowed, "target")) // which trusts everybody, whatever a session policy leaves out
	a.Policies = nil
	w.reconcile(t, definitions)
	refused(t, w.assume(t, narrowed, "second"), 403, "AccessDenied") // and then it is gone
	refused(t, w.assume(t, both, "second"), 403, "AccessDenied")     // and what it denied nobody knows
	if got := refused(t, w.assume(t, both, "target"), 403, "AccessDenied"); !strings.HasSuffix(got, " with an explicit deny in a session policy") {
		t.Errorf("a session whose policy is gone: %q", got)
	}
}

func TestTagsGoWhereTheyMay(t *testing.T) {
	ask := func(condition string, pairs ...string) func(*testing.T) (*world, *httptest.ResponseRecorder) {
		return func(t *testing.T) (*world, *httptest.ResponseRecorder) {
			w := newWorld(t, chain(trustAll(condition)))
			return w, w.assume(t, bought(t, w.assume(t, alice, "first", pairs...)), "second")
		}
	}
	passed := append(tag(1, "Team", "green"), tag(2, "cost", "1")...)
	transitive := append(passed, "TransitiveTagKeys.member.1", "TEAM")
	for _, test := range []struct {
		name    string
		do      func(*testing.T) (*world, *httptest.ResponseRecorder)
		allowed bool
	}{
		{"a role's tag is its sessions'", ask(`{"StringEquals":{"aws:PrincipalTag/team":"blue"}}`), true},
		{"a session's tag takes its place, in any case", ask(`{"StringEquals":{"aws:PrincipalTag/team":"green","aws:PrincipalTag/unit":"9"}}`, passed...), true},
		{"and the role's is not there", ask(`{"StringEquals":{"aws:PrincipalTag/team":"blue"}}`, passed...), false},
		{"a tag that is not transitive does not go on", ask(`{"Null":{"sts:TransitiveTagKeys":"true"}}`, passed...), true},
		{"one that is does", ask(`{"ForAnyValue:StringEquals":{"sts:TransitiveTagKeys":"Team"}}`, transitive...), true},
		{"the next role's own tag is known", ask(`{"StringEquals":{"aws:ResourceTag/team":"black","iam:ResourceTag/TEAM":"black"}}`, passed...), true},
		{"in the place of the next role's", ask(`{"StringEquals":{"aws:ResourceTag/team":"green"}}`, transitive...), true},
	} {
		t.Run(test.name, func(t *testing.T) {
			if _, reply := test.do(t); (reply.Code == 200) != test.allowed {
				t.Errorf("%d %s", reply.Code, reply.Body)
			}
		})
	}
	if _, reply := ask("", passed...)(t); members(reply)["PackedPolicySize"] != "" {
		t.Error("tags that are not transitive are in the next session")
	}
	w, reply := ask("", transitive...)(t)
	if members(reply)["PackedPolicySize"] == "" {
		t.Error("transitive tags are not in the next session")
	}
	third := bought(t, reply)
	if got := refused(t, w.assume(t, third, "first", tag(1, "team", "red")...), 400, "InvalidParameterValue"); got !=
		"One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session." {
		t.Errorf("%q", got)
	}
}

func TestTagsNeedAPermission(t *testing.T) {
	allow := `"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"`
	w := newWorld(t, withPeople(role("plainly", statement(allow)), role("red", trustAll(`{"StringEquals":{"aws:RequestTag/team":"red"},"ForAllValues:StringEquals":{"aws:TagKeys":["team"]}}`))))
	const user = "User: " + aliceARN + " is not authorized to perform: "
	if got := refused(t, w.assume(t, alice, "plainly", tag(1, "a", "")...), 403, "AccessDenied"); got != user+"sts:TagSession on resource: "+roleARN(account, "plainly") {
		t.Errorf("%q", got)
	}
	if got := refused(t, w.assume(t, alice, "plainly", "SourceIdentity", "alice"), 403, "AccessDenied"); got != user+"sts:SetSourceIdentity on resource: "+roleARN(account, "plainly") {
		t.Errorf("%q", got)
	}
	answered(t, w.assume(t, alice, "red", tag(1, "team", "red")...))
	refused(t, w.assume(t, alice, "red", tag(1, "team", "blue")...), 403, "AccessDenied")
	refused(t, w.assume(t, alice, "red", append(tag(1, "team", "red"), tag(2, "x", "")...)...), 403, "AccessDenied")
	// Of another account, the caller's own policies must allow it too.
	pairs := append([]string{"RoleArn", roleARN(other, "tagged"), "RoleSessionName", "alice"}, tag(1, "a", "b")...)
	answered(t, w.call(t, alice, "AssumeRole", pairs...))
	narrow := bought(t, w.assume(t, alice, "target", "Policy", statement(`"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"`)))
	refused(t, w.call(t, narrow, "AssumeRole", pairs...), 403, "AccessDenied")
}

func TestTagsThatAreNone(t *testing.T) {
	w := newWorld(t, withPeople(role("open", trustAll(""))))
	var many []string
	for i := range 51 {
		many = append(many, tag(i+1, "k"+strconv.Itoa(i), "")...)
	}
	const one = "1 validation error detected: Value "
	for _, test := range []struct {
		name    string
		pairs   []string
		code    string
		message string
	}{
		{"in two cases", append(tag(1, "a", ""), tag(2, "A", "")...), "InvalidParameterValue", "Duplicate tag keys found. Please note that Tag keys are case insensitive."},
		{"transitive and not there", append(tag(1, "a", ""), "TransitiveTagKeys.member.1", "b"), "InvalidParameterValue", "The specified transitive tag key must be included in the requested tags."},
		{"AWS's", tag(1, "aws:x", ""), "InvalidParameterValue", "Tag keys beginning with 'aws:' are reserved."},
		{"of a bad character", tag(1, "a*", ""), "ValidationError", one + `'a*' at 'tags.1.member.key' failed to satisfy constraint: Member must satisfy regular expression pattern: [\p{L}\p{Z}\p{N}_.:/=+\-@]+`},
		{"of a long value", tag(1, "a", strings.Repeat("v", 257)), "ValidationError", one + `'` + strings.Repeat("v", 257) + `' at 'tags.1.member.value' failed to satisfy constraint: Member must have length less than or equal to 256`},
		{"without a value", []string{"Tags.member.1.Key", "a"}, "ValidationError", one + `null at 'tags.1.member.value' failed to satisfy constraint: Member must not be null`},
		{"without a key", []string{"Tags.member.1.Value", "a"}, "ValidationError", one + `null at 'tags.1.member.key' failed to satisfy constraint: Member must not be null`},
		{"51", many, "ValidationError", one + `'[51 members]' at 'tags' failed to satisfy constraint: Member must have length less than or equal to 50`},
		{"a source identity of AWS's", []string{"SourceIdentity", "aws:alice"}, "ValidationError", ""},
		{"a source identity of one character", []string{"SourceIdentity", "a"}, "ValidationError", one + `'a' at 'sourceIdentity' failed to satisfy constraint: Member must have length greater than or equal to 2`},
		{"a code of letters", []string{"SerialNumber", aliceMFA, "TokenCode", "abcdef"}, "ValidationError", one + `'***' at 'tokenCode' failed to satisfy constraint: Member must satisfy regular expression pattern: [\d]*`},
	} {
		if got := refused(t, w.assume(t, alice, "open", test.pairs...), 400, test.code); test.message != "" && got != test.message {
			t.Errorf("%s: %q", test.name, got)
		}
	}
}

func TestASourceIdentityStays(t *testing.T) {
	w := newWorld(t, chain(trustAll(`{"StringEquals":{"aws:SourceIdentity":"alice","sts:SourceIdentity":"alice"}}`)))
	reply := w.assume(t, alice, "first", "SourceIdentity", "alice")
	if members(reply)["SourceIdentity"] != "alice" {
		t.Errorf("got %s", reply.Body)
	}
	session := bought(t, reply)
	if m := members(w.assume(t, session, "second")); m["SourceIdentity"] != "alice" {
		t.Errorf("it is lost: %v", m)
	}
	answered(t, w.assume(t, session, "second", "SourceIdentity", "alice"))
	if got := refused(t, w.assume(t, session, "second", "SourceIdentity", "mallory"), 403, "AccessDenied"); !strings.Contains(got, "perform: sts:SetSourceIdentity on resource: ") {
		t.Errorf("%q", got)
	}
	refused(t, w.assume(t, bought(t, w.assume(t, alice, "first")), "second"), 403, "AccessDenied")
}

func noise(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return base32.StdEncoding.EncodeToString(b)[:n]
}

func TestThePackedSize(t *testing.T) {
	w := newWorld(t, withPeople(role("open", trustAll(""))))
	if m := members(w.assume(t, alice, "open")); m["PackedPolicySize"] != "" {
		t.Errorf("without policy and tags: %v", m)
	}
	if m := members(w.assume(t, alice, "open", "Policy", allowAll)); m["PackedPolicySize"] == "" || m["PackedPolicySize"] == "0" {
		t.Errorf("with a policy: %v", m)
	}
	var tags []string
	for i := range 9 {
		tags = append(tags, tag(i+1, "k"+strconv.Itoa(i), noise(250))...)
	}
	if got := refused(t, w.assume(t, alice, "open", tags...), 400, "PackedPolicyTooLarge"); !strings.HasPrefix(got, "Packed size of session tags consumes 1") {
		t.Errorf("%q", got)
	}
	large := statement(`"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::` + noise(2600) + `"`)
	if got := refused(t, w.assume(t, alice, "open", "Policy", large), 400, "PackedPolicyTooLarge"); !strings.HasPrefix(got, "Packed policy consumes 1") || !strings.HasSuffix(got, "% of allotted space, please use smaller policy.") {
		t.Errorf("%q", got)
	}
	for _, limits := range [][]string{{"Policy", allowAll}, {}} {
		if token := bought(t, w.assume(t, alice, "open", limits...)).SessionToken.Reveal(); len(token) >= 1000 {
			t.Errorf("the token has %d characters", len(token))
		}
	}
}

func TestAManagedSessionPolicyIsOfTheRolesAccount(t *testing.T) {
	w := newWorld(t, withPeople())
	refused(t, w.call(t, alice, "AssumeRole", "RoleArn", roleARN(other, "target"), "RoleSessionName", "alice", "PolicyArns.member.1.arn", readOnly), 400, "ValidationError")
	eleven := []string{}
	for i := range 11 {
		eleven = append(eleven, "PolicyArns.member."+strconv.Itoa(i+1)+".arn", readOnly)
	}
	refused(t, w.assume(t, alice, "target", eleven...), 400, "ValidationError")
	answered(t, w.assume(t, alice, "target", eleven[:20]...))
}

// A boundary limits what the account's trust passes on.
func TestABoundaryLimits(t *testing.T) {
	definitions := withPeople(role("open", trust("Allow", callerAccount, "")))
	user := &definitions.Accounts[0].Users[0]
	w := newWorld(t, definitions)
	answered(t, w.assume(t, alice, "open"))
	user.PermissionsBoundary = readOnly
	w.reconcile(t, definitions)
	refused(t, w.assume(t, alice, "open"), 403, "AccessDenied")
}
