package hosts

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/rolestore/dbfile"
	"github.com/rolecall/rolecall/rolestore/hosttoken"
	"github.com/rolecall/rolecall/rolestore/issuer/directory"
	"github.com/rolecall/rolecall/rolestore/issuer/session"
	"github.com/rolecall/rolecall/rolestore/seal"
)

const (
	account = "111122223333"
	other   = "444455556666"
	hostID  = "h-0123456789abcdef0"
	guest   = "i-0123456789abcdef0"
	web     = "arn:aws:iam::" + account + ":role/team/web"
)

var now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// statement is a trust policy with one statement.
func statement(text string) []byte {
	return []byte(`{"Version":"2012-10-17","Statement":[` + text + `]}`)
}

const (
	allowEC2 = `{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}`
	denyOne  = `{"Effect":"Deny","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole","Condition":`
)

// trusts are the trust policies of the roles, each of which has a profile of its
// name that is granted; all are of the path /team/.
var trusts = map[string]string{
	"web":                    allowEC2,
	"of-lambda":              `{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}`,
	"of-the-account":         `{"Effect":"Allow","Principal":{"AWS":"` + account + `"},"Action":"sts:AssumeRole"}`,
	"of-all-but-one":         `{"Effect":"Allow","NotPrincipal":{"AWS":"` + other + `"},"Action":"sts:AssumeRole"}`,
	"of-web-identities":      `{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRoleWithWebIdentity"}`,
	"of-the-shop":            strings.Replace(allowEC2, "}", `},"Condition":{"StringEquals":{"aws:RequestTag/kubernetes-namespace":"shop","sts:TransitiveTagKeys":"kubernetes-namespace"},"ForAnyValue:StringEquals":{"aws:TagKeys":"kubernetes-pod-name"}}`, 1),
	"denied":                 allowEC2 + `,{"Effect":"Deny","Principal":"*","Action":"sts:*"}`,
	"denied-this-instance":   allowEC2 + `,` + denyOne + `{"StringEquals":{"sts:RoleSessionName":"` + guest + `"}}}`,
	"denied-another":         allowEC2 + `,` + denyOne + `{"StringEquals":{"sts:RoleSessionName":"i-ffffffffffffffff0"}}}`,
	"denied-from-today-on":   allowEC2 + `,` + denyOne + `{"DateGreaterThanEquals":{"aws:CurrentTime":"2026-11-23T12:00:00Z"}}}`,
	"denied-from-later-on":   allowEC2 + `,` + denyOne + `{"NumericGreaterThan":{"aws:EpochTime":"1795435200"}}}`,
	"denied-since-long":      allowEC2 + `,` + denyOne + `{"NumericGreaterThan":{"aws:EpochTime":"1"}}}`,
	"denied-with-its-tag":    allowEC2 + `,` + denyOne + `{"ForAnyValue:StringEquals":{"aws:TagKeys":"team"}}}`,
	"denied-in-its-region":   allowEC2 + `,` + denyOne + `{"StringEquals":{"aws:RequestedRegion":"us-east-1"}}}`,
	"denied-elsewhere":       allowEC2 + `,` + denyOne + `{"StringNotEquals":{"aws:RequestedRegion":"us-east-1"}}}`,
	"denied-to-its-tag":      allowEC2 + `,` + denyOne + `{"StringEquals":{"aws:ResourceTag/env":"prod"}}}`,
	"denied-to-its-iam-tag":  allowEC2 + `,` + denyOne + `{"StringEquals":{"iam:ResourceTag/env":"prod"}}}`,
	"denied-to-direct-calls": allowEC2 + `,` + denyOne + `{"Bool":{"aws:ViaAWSService":"false"}}}`,
	"denied-to-principals":   allowEC2 + `,{"Effect":"Deny","Principal":"*","Action":"sts:AssumeRole","Condition":{"BoolIfExists":{"aws:PrincipalIsAWSService":"false"}}}`,
	"denied-to-all-but-ec2":  allowEC2 + `,{"Effect":"Deny","Principal":"*","Action":"sts:AssumeRole","Condition":{"StringNotEquals":{"aws:PrincipalServiceName":"ec2.amazonaws.com"}}}`,
}

// house is a core with one host, and another account.
type house struct {
	*Desk
	directory *directory.Directory
	key       *ecdsa.PrivateKey
	grant     directory.Grant
	path      string
	keyring   *seal.Keyring
	accounts  []directory.AccountDefinition
}

func build(t *testing.T) house {
	t.Helper()
	dir := t.TempDir()
	keyring, err := seal.Create(filepath.Join(dir, "keys"))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "core.db")
	d, err := directory.Open(directory.Config{Path: path, Keyring: keyring})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	one := directory.AccountDefinition{ID: account, Roles: []directory.RoleDefinition{
		{Name: "in-no-granted-profile", AssumeRolePolicyDocument: statement(allowEC2)},
	}, InstanceProfiles: []directory.InstanceProfileDefinition{{Name: "not-granted", Role: "in-no-granted-profile"}}}
	grant := directory.Grant{Name: "g", Account: account, Host: hostID, InstanceIDs: []string{"i-00000000000000000", guest},
		Tags: map[string]string{"team": "blue"}}
	for name, trust := range trusts {
		one.Roles = append(one.Roles, directory.RoleDefinition{Name: name, Path: "/team/", AssumeRolePolicyDocument: statement(trust), Tags: map[string]string{"env": "prod"}})
		one.InstanceProfiles = append(one.InstanceProfiles, directory.InstanceProfileDefinition{Name: name, Path: "/p/", Role: name})
		grant.InstanceProfiles = append(grant.InstanceProfiles, "arn:aws:iam::"+account+":instance-profile/p/"+name)
	}
	two := directory.AccountDefinition{ID: other, Roles: []directory.RoleDefinition{
		{Name: "in-no-granted-profile", AssumeRolePolicyDocument: statement(allowEC2)},
	}, InstanceProfiles: []directory.InstanceProfileDefinition{{Name: "namesake", Role: "in-no-granted-profile"}}}
	if _, err := d.Reconcile(directory.Definitions{Accounts: []directory.AccountDefinition{one, two}}, false); err != nil {
		t.Fatal(err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	h := house{New(d, now), d, key, grant, path, keyring, []directory.AccountDefinition{one, two}}
	if err := d.PutHost(directory.Host{ID: hostID, Account: account, Key: &key.PublicKey}); err != nil {
		t.Fatal(err)
	}
	h.put(t, h.grant)
	return h
}

func (h house) put(t *testing.T, g directory.Grant) {
	t.Helper()
	if err := h.directory.PutGrant(g, h.directory.Snapshot().Administrator(g.Account, "test"), now); err != nil {
		t.Fatal(err)
	}
}

func (h house) claims() hosttoken.Claims {
	return hosttoken.Claims{Host: hostID, Core: h.directory.Snapshot().CoreID(), InstanceID: guest,
		RoleARN: web, SessionName: guest, Duration: 6 * time.Hour, Delivery: hosttoken.DeliveryV2}
}

// redeem signs c and asks for what it says, as the host does, unless change
// changes the request.
func (h house) redeem(t *testing.T, c hosttoken.Claims, change func(*Request)) (*directory.Role, error) {
	t.Helper()
	token, err := hosttoken.Sign(h.key, c, now)
	if err != nil {
		t.Fatal(err)
	}
	asked := Request{RoleARN: c.RoleARN, SessionName: c.SessionName, Duration: c.Duration}
	if change != nil {
		change(&asked)
	}
	r, err := h.Redeem(token, asked, now)
	c.Once, c.Issued = r.Claims.Once, r.Claims.Issued
	if err == nil && !reflect.DeepEqual(r.Claims, c) {
		t.Errorf("Redeem says that the token says %+v", r.Claims)
	}
	if lease, ok := h.directory.Lease(c.InstanceID); err == nil && (!ok || lease.ID != r.Lease || lease.Host != hostID || lease.RoleID != r.Role.UniqueID) {
		t.Errorf("the lease is %+v and the session's %s", lease, r.Lease)
	}
	if (err == nil) != (r.Role != nil) || (err == nil) != slices.Contains(r.Tags, session.Tag{Key: "team", Value: "blue"}) {
		t.Errorf("Redeem = %v, %v", r, err)
	}
	return r.Role, err
}

func TestAHostGetsTheRoleOfItsInstance(t *testing.T) {
	h := build(t)
	for _, name := range []string{"web", "denied-another", "denied-from-later-on", "denied-to-principals", "denied-to-all-but-ec2", "denied-elsewhere"} {
		c := h.claims()
		c.RoleARN = "arn:aws:iam::" + account + ":role/team/" + name
		if role, err := h.redeem(t, c, nil); err != nil || role.ARN() != c.RoleARN {
			t.Errorf("%s: %v, %v", name, role, err)
		}
	}
}

// TestAGrantMayBeAPatternOfInstances shows that a pattern covers what it matches and
// nothing else.
func TestAGrantMayBeAPatternOfInstances(t *testing.T) {
	for pattern, covered := range map[string]bool{"i-*": true, "i-0123456789abcdef?": true, "i-f*": false, "i-": false} {
		h := build(t)
		h.grant.InstanceIDs = []string{pattern}
		h.put(t, h.grant)
		if _, err := h.redeem(t, h.claims(), nil); (err == nil) != covered {
			t.Errorf("pattern %q: %v", pattern, err)
		}
	}
}

func TestTheTokenBuysExactlyWhatItSays(t *testing.T) {
	h := build(t)
	for name, change := range map[string]func(*Request){
		"another role":           func(r *Request) { r.RoleARN += "2" },
		"another granted role":   func(r *Request) { r.RoleARN = strings.Replace(web, "web", "denied-another", 1) },
		"another session name":   func(r *Request) { r.SessionName = "i-00000000000000000" },
		"a longer session":       func(r *Request) { r.Duration += time.Second },
		"a shorter session":      func(r *Request) { r.Duration -= time.Second },
		"the default's duration": func(r *Request) { r.Duration = time.Hour },
	} {
		if _, err := h.redeem(t, h.claims(), change); !errors.Is(err, ErrDenied) || !strings.Contains(err.Error(), "not the one that the token is for") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAHostIsDenied(t *testing.T) {
	h := build(t)
	role := func(arn string) func(*hosttoken.Claims) { return func(c *hosttoken.Claims) { c.RoleARN = arn } }
	team := func(name string) func(*hosttoken.Claims) {
		return role("arn:aws:iam::" + account + ":role/team/" + name)
	}
	const trust, profile, instance = "does not let ec2.amazonaws.com", "is not granted a profile", "is not granted instance"
	for name, test := range map[string]struct {
		change func(*hosttoken.Claims)
		why    string
	}{
		"a role of another account":           {role("arn:aws:iam::" + other + ":role/in-no-granted-profile"), profile},
		"a role in no granted profile":        {role("arn:aws:iam::" + account + ":role/in-no-granted-profile"), profile},
		"a role that does not exist":          {team("nowhere"), profile},
		"a role by its name without its path": {role("arn:aws:iam::" + account + ":role/web"), profile},
		"the administrator's role":            {role("arn:aws:iam::" + account + ":role/" + directory.AdministratorRole), profile},
		"a profile in place of its role":      {role("arn:aws:iam::" + account + ":instance-profile/p/web"), profile},
		"an instance that is not granted": {func(c *hosttoken.Claims) {
			c.InstanceID, c.SessionName = "i-ffffffffffffffff0", "i-ffffffffffffffff0"
		}, instance},
		"an instance id that is no id":         {func(c *hosttoken.Claims) { c.InstanceID, c.SessionName = "i-*", "i-*" }, "is no instance id"},
		"a session not named for its instance": {func(c *hosttoken.Claims) { c.SessionName = "i-00000000000000000" }, "not named after"},
		"trust in another service":             {team("of-lambda"), trust},
		"trust in the account alone":           {team("of-the-account"), trust},
		"trust in everybody but someone":       {team("of-all-but-one"), trust},
		"trust for another action":             {team("of-web-identities"), trust},
		"trust and a deny":                     {team("denied"), trust},
		"a deny of this instance":              {team("denied-this-instance"), trust},
		"a deny from now on":                   {team("denied-from-today-on"), trust},
		"a deny since long ago":                {team("denied-since-long"), trust},
		"a deny of sessions with its tag":      {team("denied-with-its-tag"), trust},
		"a deny of the grant's region":         {team("denied-in-its-region"), trust},
		"a deny of roles with its tag":         {team("denied-to-its-tag"), trust},
		"a deny of roles with its tag, by IAM": {team("denied-to-its-iam-tag"), trust},
		"a deny of calls that no service made": {team("denied-to-direct-calls"), trust},
	} {
		t.Run(name, func(t *testing.T) {
			c := h.claims()
			test.change(&c)
			if _, err := h.redeem(t, c, nil); !errors.Is(err, ErrDenied) || !strings.Contains(err.Error(), test.why) {
				t.Errorf("Redeem: %v, want %q", err, test.why)
			}
		})
	}
}

func TestATokenOfSomebodyElseIsInvalid(t *testing.T) {
	h := build(t)
	stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*house, *hosttoken.Claims){
		"a host that is not registered": func(_ *house, c *hosttoken.Claims) { c.Host = "h-ffffffffffffffff0" },
		"a token for another core":      func(_ *house, c *hosttoken.Claims) { c.Core = "core-0000000000000000" },
		"the key of a stranger":         func(h *house, _ *hosttoken.Claims) { h.key = stranger },
	} {
		h, c := h, h.claims()
		change(&h, &c)
		if _, err := h.redeem(t, c, nil); !errors.Is(err, hosttoken.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestAGrantOfAnotherAccountGivesAHostNothing shows it for one that the directory would
// not have made, and that the file has all the same.
func TestAGrantOfAnotherAccountGivesAHostNothing(t *testing.T) {
	h := build(t)
	if _, err := h.redeem(t, h.claims(), nil); err != nil {
		t.Fatal(err)
	}
	if err := h.directory.Close(); err != nil {
		t.Fatal(err)
	}
	file, err := dbfile.Open(dbfile.Options{Path: h.path, Keyring: h.keyring, Kind: "core"})
	if err != nil {
		t.Fatal(err)
	}
	foreign := h.grant
	foreign.Account = other
	err = file.Update(func(tx *dbfile.Tx) error {
		return errors.Join(tx.Delete("grant", account+"/g"), tx.PutJSON("grant", other+"/g", foreign))
	})
	if err := errors.Join(err, file.Close()); err != nil {
		t.Fatal(err)
	}
	if h.directory, err = directory.Open(directory.Config{Path: h.path, Keyring: h.keyring}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.directory.Close() })
	h.Desk = New(h.directory, now)
	if _, err := h.redeem(t, h.claims(), nil); !errors.Is(err, ErrDenied) {
		t.Errorf("a grant of account %s gives a role to a host of account %s: %v", other, account, err)
	}
	host := h.directory.Snapshot().Host(hostID)
	if p, err := h.Profile(host, "web"); !errors.Is(err, directory.ErrNotFound) {
		t.Errorf("and it is told of profile %+v (%v)", p, err)
	}
	if state := h.State(hostID, guest); state.Valid {
		t.Error("and its instance stands")
	}
}

// TestAProfileThatIsMadeAnewIsNotGranted deletes the profile of a granted role, and makes
// one of the same name, as somebody might who never heard of the grant.
func TestAProfileThatIsMadeAnewIsNotGranted(t *testing.T) {
	h := build(t)
	before := slices.Clone(h.accounts)
	gone := func(p directory.InstanceProfileDefinition) bool { return p.Name == "web" }
	h.accounts[0].InstanceProfiles = slices.DeleteFunc(slices.Clone(h.accounts[0].InstanceProfiles), gone)
	for _, accounts := range [][]directory.AccountDefinition{h.accounts, before} {
		if _, err := h.directory.Reconcile(directory.Definitions{Accounts: accounts}, true); err != nil {
			t.Fatal(err)
		}
		if _, err := h.redeem(t, h.claims(), nil); !errors.Is(err, ErrDenied) {
			t.Errorf("the role of a profile that was deleted: %v", err)
		}
	}
	c := h.claims()
	c.RoleARN = strings.Replace(web, "web", "denied-another", 1)
	if _, err := h.redeem(t, c, nil); err != nil {
		t.Errorf("the role of another profile of the grant: %v", err)
	}
	h.put(t, h.grant)
	if _, err := h.redeem(t, h.claims(), nil); err != nil {
		t.Errorf("granted anew: %v", err)
	}
}

func TestAGrantThatIsTakenAwayIsGone(t *testing.T) {
	for name, change := range map[string]func(*testing.T, *house){
		"of the instance": func(t *testing.T, h *house) {
			h.grant.InstanceIDs = []string{"i-00000000000000000"}
			h.put(t, h.grant)
		},
		"of the profile": func(t *testing.T, h *house) {
			h.grant.InstanceProfiles = h.grant.InstanceProfiles[:0:0]
			h.grant.InstanceProfiles = append(h.grant.InstanceProfiles, "arn:aws:iam::"+account+":instance-profile/not-granted")
			h.put(t, h.grant)
		},
		"whole": func(t *testing.T, h *house) {
			if err := h.directory.RemoveGrant(account, "g"); err != nil {
				t.Fatal(err)
			}
		},
		"and the host moved accounts": func(t *testing.T, h *house) {
			if err := h.directory.PutHost(directory.Host{ID: hostID, Account: other, Key: &h.key.PublicKey}); err != nil {
				t.Fatal(err)
			}
		},
	} {
		h := build(t)
		change(t, &h)
		if _, err := h.redeem(t, h.claims(), nil); !errors.Is(err, ErrDenied) {
			t.Errorf("%s: %v", name, err)
		}
		if _, ok := h.directory.Lease(guest); ok {
			t.Errorf("%s: who was refused has a lease", name)
		}
	}
}
