package sts

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/rolestore/issuer/directory"
)

// statement is a policy document of one statement.
func statement(members string) string {
	return `{"Version":"2012-10-17","Statement":{` + members + `}}`
}

// trust is a trust policy of one statement for sts:AssumeRole.
func trust(effect, principal, condition string) string {
	members := `"Effect":"` + effect + `","Principal":` + principal + `,"Action":"sts:AssumeRole"`
	if condition != "" {
		members += `,"Condition":` + condition
	}
	return statement(members)
}

// identity is a policy of one statement for sts:AssumeRole on every role.
func identity(effect, condition string) string {
	members := `"Effect":"` + effect + `","Action":"sts:AssumeRole","Resource":"*"`
	if condition != "" {
		members += `,"Condition":` + condition
	}
	return statement(members)
}

const (
	callerRole    = `{"AWS":"arn:aws:iam::` + account + `:role/caller"}`
	callerSession = `{"AWS":"arn:aws:sts::` + account + `:assumed-role/caller/` + callerID + `"}`
	callerAccount = `{"AWS":"` + account + `"}`
	everyone      = `"*"`
)

func TestWhoMayAssumeARole(t *testing.T) {
	allow := identity("Allow", "")
	for _, test := range []struct {
		name    string
		own     []string // the caller's policies
		trust   string
		of      string // the account of the role
		extra   []string
		allowed bool
	}{
		{"the trust policy names the caller's role", nil, trust("Allow", callerRole, ""), account, nil, true},
		{"it names his session", nil, trust("Allow", callerSession, ""), account, nil, true},
		{"it names everyone", nil, trust("Allow", everyone, ""), account, nil, true},
		{"it names the account, and his policy allows it", []string{allow}, trust("Allow", callerAccount, ""), account, nil, true},
		{"it names the account, and his policy does not", nil, trust("Allow", callerAccount, ""), account, nil, false},
		{"it names the account, and his policy allows something else",
			[]string{statement(`"Effect":"Allow","Action":"sts:*","Resource":"arn:aws:iam::` + account + `:role/x"`)}, trust("Allow", callerAccount, ""), account, nil, false},
		{"it names another session", nil, trust("Allow", `{"AWS":"arn:aws:sts::`+account+`:assumed-role/caller/alice"}`, ""), account, nil, false},
		{"it names another role", []string{allow}, trust("Allow", `{"AWS":"arn:aws:iam::`+account+`:role/x"}`, ""), account, nil, false},
		{"it names a service only", []string{allow}, trustEC2, account, nil, false},
		{"it allows another action", []string{allow}, statement(`"Effect":"Allow","Principal":"*","Action":"sts:AssumeRoleWithWebIdentity"`), account, nil, false},
		{"it denies everyone", []string{allow}, trust("Deny", everyone, ""), account, nil, false},

		{"of another account, both allow it", []string{allow}, trust("Allow", callerRole, ""), other, nil, true},
		{"of another account, the trust policy names his account", []string{allow}, trust("Allow", callerAccount, ""), other, nil, true},
		{"of another account, only the trust policy allows it", nil, trust("Allow", callerRole, ""), other, nil, false},
		{"of another account, it only allows everyone", nil, trust("Allow", everyone, ""), other, nil, false},
		{"of another account, only his policy allows it", []string{allow}, trustEC2, other, nil, false},
		{"of another account, its namesake there is named", []string{allow}, trust("Allow", `{"AWS":"arn:aws:iam::`+other+`:role/caller"}`, ""), other, nil, false},

		{"his own policy denies it, whoever is named", []string{allow, identity("Deny", "")}, trust("Allow", callerRole, ""), account, nil, false},
		{"his own policy denies it before another allows it", []string{identity("Deny", ""), allow}, trust("Allow", callerRole, ""), account, nil, false},
		{"his own policy denies that session name",
			[]string{identity("Deny", `{"StringEquals":{"sts:RoleSessionName":"alice"}}`)}, trust("Allow", callerRole, ""), account, nil, false},
		{"his own policy denies that external id",
			[]string{identity("Deny", `{"StringEquals":{"sts:ExternalId":"x1"}}`)}, trust("Allow", callerRole, ""), account, []string{"ExternalId", "x1"}, false},
		{"his own policy wants MFA", []string{identity("Deny", `{"Bool":{"aws:MultiFactorAuthPresent":"false"}}`)}, trust("Allow", callerRole, ""), account, nil, false},
		{"his own policy wants TLS", []string{identity("Deny", `{"Bool":{"aws:SecureTransport":"false"}}`)}, trust("Allow", callerRole, ""), account, nil, false},
		{"his own policy bars his address", []string{identity("Deny", `{"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}}`)}, trust("Allow", callerRole, ""), account, nil, false},
		{"his own policy bars his region", []string{identity("Deny", `{"StringEquals":{"aws:RequestedRegion":"eu-west-1"}}`)}, trust("Allow", callerRole, ""), account, nil, false},
		{"his own policy revokes older sessions",
			[]string{identity("Deny", `{"DateLessThan":{"aws:TokenIssueTime":"2100-01-01T00:00:00Z"}}`)}, trust("Allow", callerRole, ""), account, nil, false},

		{"the external id is the one asked for", nil, trust("Allow", callerRole, `{"StringEquals":{"sts:ExternalId":"x1"}}`), account, []string{"ExternalId", "x1"}, true},
		{"the external id is another", nil, trust("Allow", callerRole, `{"StringEquals":{"sts:ExternalId":"x1"}}`), account, []string{"ExternalId", "x2"}, false},
		{"the external id is missing", nil, trust("Allow", callerRole, `{"StringEquals":{"sts:ExternalId":"x1"}}`), account, nil, false},
		{"an external id that nobody asked for", nil, trust("Allow", callerRole, ""), account, []string{"ExternalId", "x1"}, true},
		{"no external id counts as missing", nil, trust("Allow", callerRole, `{"Null":{"sts:ExternalId":"true"}}`), account, nil, true},
		{"the session name is the one asked for", nil, trust("Allow", callerRole, `{"StringLike":{"sts:RoleSessionName":"al*"}}`), account, nil, true},
		{"the session name is another", nil, trust("Allow", callerRole, `{"StringEquals":{"sts:RoleSessionName":"bob"}}`), account, nil, false},

		{"the caller's principal is his role", nil, trust("Allow", everyone, `{"ArnEquals":{"aws:PrincipalArn":"arn:aws:iam::`+account+`:role/caller"}}`), account, nil, true},
		{"and not his session", nil, trust("Allow", everyone, `{"ArnEquals":{"aws:PrincipalArn":"arn:aws:sts::`+account+`:assumed-role/caller/*"}}`), account, nil, false},
		{"his account is known", nil, trust("Allow", everyone, `{"StringEquals":{"aws:PrincipalAccount":"`+account+`"}}`), account, nil, true},
		{"his user id has his session's name", nil, trust("Allow", everyone, `{"StringLike":{"aws:userid":"AROA*:`+callerID+`"}}`), account, nil, true},
		{"the time is known", nil, trust("Allow", everyone, `{"DateLessThan":{"aws:CurrentTime":"2100-01-01"},"NumericGreaterThan":{"aws:EpochTime":"1"}}`), account, nil, true},
		{"what he is, is known", nil, trust("Allow", everyone, `{"StringEquals":{"aws:PrincipalType":"AssumedRole"},"Bool":{"aws:PrincipalIsAWSService":"false","aws:ViaAWSService":"false"}}`), account, nil, true},
		{"the program is known", nil, trust("Allow", everyone, `{"StringEquals":{"aws:UserAgent":"program/1"}}`), account, nil, true},
		{"the address is known", nil, trust("Allow", everyone, `{"StringEquals":{"aws:SourceIp":"192.0.2.1"}}`), account, nil, true},
		{"the time is over", nil, trust("Allow", everyone, `{"DateLessThan":{"aws:CurrentTime":"2001-01-01"}}`), account, nil, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			accounts := []directory.AccountDefinition{
				{ID: account, Roles: []directory.RoleDefinition{role("caller", trustEC2, test.own...), role("x", trustEC2)}},
				{ID: other, Roles: []directory.RoleDefinition{role("caller", trustEC2)}},
			}
			for i := range accounts {
				if accounts[i].ID == test.of {
					accounts[i].Roles = append(accounts[i].Roles, role("target", test.trust))
				}
			}
			w := newWorld(t, directory.Definitions{Accounts: accounts})
			arn := roleARN(test.of, "target")
			f := form("AssumeRole", append([]string{"RoleArn", arn, "RoleSessionName", "alice"}, test.extra...)...)
			r := w.signed(t, w.session(t, account, "caller"), f)
			r.RemoteAddr = "[::ffff:192.0.2.1]:4711" // as a listener for both IPs names a peer of IPv4
			r.Header.Set("User-Agent", "program/1")
			reply := w.send(r)
			if test.allowed {
				answered(t, reply)
				return
			}
			const caller = "arn:aws:sts::" + account + ":assumed-role/caller/" + callerID
			want := "User: " + caller + " is not authorized to perform: sts:AssumeRole on resource: " + arn
			if strings.HasPrefix(test.name, "his own policy") {
				want += " with an explicit deny in an identity-based policy"
			}
			if got := refused(t, reply, http.StatusForbidden, "AccessDenied"); got != want {
				t.Errorf("the message is %q", got)
			}
		})
	}
}

func TestARoleMustTrustItself(t *testing.T) {
	w := newWorld(t, standard())
	f := form("AssumeRole", "RoleArn", roleARN(account, "web"), "RoleSessionName", "alice")
	refused(t, w.send(w.signed(t, w.session(t, account, "web"), f)), http.StatusForbidden, "AccessDenied")
}

func TestATrustPolicyMayNameARoleByItsUniqueID(t *testing.T) {
	definitions := standard()
	w := newWorld(t, definitions)
	id := w.directory.Snapshot().RoleByName(account, "plain").UniqueID
	roles := &definitions.Accounts[0].Roles
	*roles = append(*roles,
		role("friend", trust("Allow", `{"AWS":"`+id+`"}`, "")),
		role("foe", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"},`+
			`{"Effect":"Deny","Principal":{"AWS":"`+id+`"},"Action":"sts:AssumeRole"}]}`))
	if _, err := w.directory.Reconcile(definitions, true); err != nil {
		t.Fatal(err)
	}
	c := w.session(t, account, "plain")
	assume := func(name string) int {
		return w.send(w.signed(t, c, form("AssumeRole", "RoleArn", roleARN(account, name), "RoleSessionName", "alice"))).Code
	}
	if friend, foe := assume("friend"), assume("foe"); friend != http.StatusOK || foe != http.StatusForbidden {
		t.Errorf("the role that allows the id answers %d, the one that denies it %d", friend, foe)
	}
}

func TestARoleThatDoesNotExistIsRefusedAsOneThatDoes(t *testing.T) {
	w := newWorld(t, standard())
	c := w.session(t, account, "web")
	var first string
	for _, arn := range []string{
		roleARN(account, "plain"), roleARN(account, "nowhere"), roleARN("999999999999", "plain"),
		roleARN(account, directory.AdministratorRole), roleARN(account, "deep"), "arn:aws:iam::" + account + ":instance-profile/web",
	} {
		f := form("AssumeRole", "RoleArn", arn, "RoleSessionName", "alice", "DurationSeconds", "43200")
		reply := w.send(w.signed(t, c, f))
		refused(t, reply, http.StatusForbidden, "AccessDenied")
		body := uuid.ReplaceAllString(strings.ReplaceAll(reply.Body.String(), arn, "ARN"), "ID")
		if first == "" {
			first = body
		}
		if body != first {
			t.Errorf("%s: %s\nwant %s", arn, body, first)
		}
	}
}

func TestDurationsAreNeverCutShort(t *testing.T) {
	w := newWorld(t, standard())
	c := w.session(t, account, "web")
	const (
		overRole    = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
		overChained = "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining."
	)
	for _, test := range []struct{ role, seconds, message string }{
		{"target", "3600", ""},
		{"target", "3601", overRole},
		{"long", "3600", ""},
		{"long", "3601", overChained},
		{"long", "43200", overChained},
	} {
		reply := w.send(w.signed(t, c, form("AssumeRole", "RoleArn", roleARN(account, test.role), "RoleSessionName", "alice", "DurationSeconds", test.seconds)))
		if test.message == "" {
			answered(t, reply)
			if want := w.clock().Add(time.Hour).Format(time.RFC3339); !strings.Contains(reply.Body.String(), want) {
				t.Errorf("%s for %s s does not end at %s", test.role, test.seconds, want)
			}
		} else if got := refused(t, reply, http.StatusBadRequest, "ValidationError"); got != test.message {
			t.Errorf("%s for %s s: %q", test.role, test.seconds, got)
		}
	}
}
