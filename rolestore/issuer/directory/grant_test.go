package directory

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/rolestore/issuer/policy"
)

const (
	elsewhere = "210987654321"
	hostName  = "h-0123456789abcdef0"
	profile   = "arn:aws:iam::123456789012:instance-profile/default"
	guest     = "i-0123456789abcdef0"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// withHost is a directory of two accounts with a host in the first.
func withHost(t *testing.T, p place) *Directory {
	t.Helper()
	d := p.open(t)
	two := Default(account)
	two.Accounts = append(two.Accounts, Default(elsewhere).Accounts...)
	reconcile(t, d, two, false)
	if err := d.PutHost(newHost(t)); err != nil {
		t.Fatal(err)
	}
	return d
}

func newGrant() Grant {
	return Grant{Name: "g", Account: account, Host: hostName, InstanceProfiles: []string{profile}, InstanceIDs: []string{guest},
		Tags: map[string]string{"team": "a"}}
}

func (d *Directory) mustGrant(t *testing.T, g Grant) {
	t.Helper()
	if err := d.PutGrant(g, d.Snapshot().Administrator(g.Account, "test"), noon); err != nil {
		t.Fatal(err)
	}
}

func TestAGrantSurvivesARestart(t *testing.T) {
	p := newPlace(t)
	d := withHost(t, p)
	d.mustGrant(t, newGrant())
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	s := p.open(t).Snapshot()
	want := newGrant()
	want.GrantedBy = "arn:aws:sts::123456789012:assumed-role/rolecall-administrator/test"
	if got := s.Grant(account, "g"); got == nil || !reflect.DeepEqual(*got, want) {
		t.Errorf("the grant is %+v", got)
	}
	if got := s.GrantsOf(hostName); len(got) != 1 || len(s.Grants()) != 1 {
		t.Errorf("the host's grants are %v", got)
	}
}

func TestJoiningGrantsNothing(t *testing.T) {
	d := withHost(t, newPlace(t))
	if got := d.Snapshot().GrantsOf(hostName); got != nil {
		t.Errorf("a host that has just joined is granted %v", got)
	}
	d.mustGrant(t, newGrant())
	if err := d.RemoveHost(hostName); err != nil {
		t.Fatal(err)
	}
	if err := d.PutHost(newHost(t)); err != nil {
		t.Fatal(err)
	}
	if got := d.Snapshot().Grants(); got != nil {
		t.Errorf("a host that joins again has the grants of before: %v", got)
	}
	d.mustGrant(t, newGrant())
	moved := newHost(t)
	moved.Account = elsewhere
	if err := d.PutHost(moved); err != nil {
		t.Fatal(err)
	}
	if got := d.Snapshot().Grants(); got != nil {
		t.Errorf("a host that moved to another account has grants: %v", got)
	}
}

// TestAGrantNeedsPassRole has makers of all kinds; each may do everything but what
// the name of the case says.
func TestAGrantNeedsPassRole(t *testing.T) {
	d := withHost(t, newPlace(t))
	set := func(statements string) policy.Set {
		document, err := policy.Parse(policy.Identity, []byte(`{"Version":"2012-10-17","Statement":[`+statements+`]}`))
		if err != nil {
			t.Fatal(err)
		}
		return policy.Set{{Document: document}}
	}
	const (
		all   = `{"Effect":"Allow","Action":"*","Resource":"*"}`
		role  = `"Resource":"arn:aws:iam::123456789012:role/default"`
		toEC2 = `"Condition":{"StringEquals":{"iam:PassedToService":"ec2.amazonaws.com"}}`
	)
	maker := policy.Principal{Account: account, ARN: "arn:aws:iam::123456789012:user/maker", UniqueID: "AIDA"}
	boundary := set(`{"Effect":"Allow","Action":"sts:*","Resource":"*"}`)
	for name, test := range map[string]struct {
		by  Granter
		say string // empty if it is allowed
	}{
		"by PassRole on the role to EC2": {Granter{Principal: maker, Policies: policy.Policies{Identity: set(`{"Effect":"Allow","Action":"iam:PassRole",` + role + `,` + toEC2 + `}`)}}, ""},
		"by nothing":                     {Granter{Principal: maker}, "because no identity-based policy allows the iam:PassRole action"},
		"by PassRole on another role":    {Granter{Principal: maker, Policies: policy.Policies{Identity: set(`{"Effect":"Allow","Action":"iam:PassRole","Resource":"arn:aws:iam::123456789012:role/other"}`)}}, "no identity-based policy"},
		"by PassRole to another service": {Granter{Principal: maker, Policies: policy.Policies{Identity: set(`{"Effect":"Allow","Action":"iam:PassRole","Resource":"*","Condition":{"StringEquals":{"iam:PassedToService":"lambda.amazonaws.com"}}}`)}}, "no identity-based policy"},
		"against a deny to EC2":          {Granter{Principal: maker, Policies: policy.Policies{Identity: set(all + `,{"Effect":"Deny","Action":"iam:PassRole","Resource":"*",` + toEC2 + `}`)}}, "with an explicit deny in an identity-based policy"},
		"outside of a boundary":          {Granter{Principal: maker, Policies: policy.Policies{Identity: set(all), Boundary: &boundary}}, "no permissions boundary"},
		"by a maker of another account":  {Granter{Principal: policy.Principal{Account: elsewhere, ARN: "arn:aws:iam::210987654321:user/maker"}, Policies: policy.Policies{Identity: set(all)}}, "resource-based policy"},
	} {
		g := newGrant()
		g.Name = strings.ReplaceAll(name, " ", "-")
		err := d.PutGrant(g, test.by, noon)
		if test.say == "" && err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if test.say != "" && (!errors.Is(err, ErrNotAuthorized) || !strings.Contains(err.Error(), test.say) || d.Snapshot().Grant(account, g.Name) != nil) {
			t.Errorf("%s: %v, want %q", name, err, test.say)
		}
	}
}

func TestGrantsThatAreRefused(t *testing.T) {
	d := withHost(t, newPlace(t))
	before := d.Snapshot()
	many := map[string]string{}
	for n := range maxTags + 1 {
		many[strings.Repeat("k", n+1)] = ""
	}
	for name, test := range map[string]struct {
		change func(*Grant)
		say    string
	}{
		"without a name":                 {func(g *Grant) { g.Name = "" }, "want a name"},
		"for nobody":                     {func(g *Grant) { g.Host = "h-ffffffffffffffff0" }, "is not registered"},
		"of another account":             {func(g *Grant) { g.Account = elsewhere }, "belongs to account 123456789012"},
		"of no profile":                  {func(g *Grant) { g.InstanceProfiles = nil }, "instance profiles"},
		"of all profiles":                {func(g *Grant) { g.InstanceProfiles = []string{"*"} }, "* is refused"},
		"of a pattern of profiles":       {func(g *Grant) { g.InstanceProfiles = []string{"arn:aws:iam::123456789012:instance-profile/*"} }, "* is refused"},
		"of a profile that is not there": {func(g *Grant) { g.InstanceProfiles = []string{profile + "2"} }, "there is no instance profile"},
		"of another account's profile": {func(g *Grant) {
			g.InstanceProfiles = []string{"arn:aws:iam::210987654321:instance-profile/default"}
		}, "is not of account"},
		"for no instance":             {func(g *Grant) { g.InstanceIDs = nil }, "instance ids"},
		"for everything":              {func(g *Grant) { g.InstanceIDs = []string{"*"} }, "begins with i-"},
		"for a pattern that is none":  {func(g *Grant) { g.InstanceIDs = []string{"i-["} }, "is no pattern"},
		"with a tag of AWS's":         {func(g *Grant) { g.Tags = map[string]string{"AWS:x": "y"} }, "AWS's own"},
		"with a tag without a key":    {func(g *Grant) { g.Tags = map[string]string{"": "y"} }, "tag key"},
		"with a tag in two cases":     {func(g *Grant) { g.Tags = map[string]string{"Team": "a", "team": "b"} }, "another case"},
		"with a tag of other letters": {func(g *Grant) { g.Tags = map[string]string{"team": "a*"} }, "want a value"},
		"with more tags than may be":  {func(g *Grant) { g.Tags = many }, "at most 50 tags"},
		"with tags that fill tokens": {func(g *Grant) {
			g.Tags = map[string]string{"a": strings.Repeat("v", 256), "b": strings.Repeat("v", 256), "c": strings.Repeat("v", 256), "d": strings.Repeat("v", 256)}
		}, "have room for 1024"},
		"with a tag that is very long": {func(g *Grant) { g.Tags = map[string]string{"k": strings.Repeat("v", 257)} }, "at most 256"},
	} {
		g := newGrant()
		test.change(&g)
		if err := d.PutGrant(g, before.Administrator(account, "test"), noon); err == nil || !strings.Contains(err.Error(), test.say) {
			t.Errorf("%s: %v, want %q", name, err, test.say)
		}
	}
	if d.Snapshot() != before {
		t.Error("a refusal changed the directory")
	}
	if err := d.RemoveGrant(account, "g"); !errors.Is(err, ErrNotFound) {
		t.Errorf("the removal of a grant that is not there: %v", err)
	}
}

func TestAGrantThatIsRetaggedSaysWhen(t *testing.T) {
	d := withHost(t, newPlace(t))
	d.mustGrant(t, newGrant())
	d.mustGrant(t, newGrant())
	if got := d.Snapshot().Grant(account, "g").Retagged; !got.IsZero() {
		t.Errorf("a grant put twice was retagged at %s", got)
	}
	g := newGrant()
	g.Tags = nil
	d.mustGrant(t, g)
	g.InstanceIDs = []string{"i-f*"}
	d.mustGrant(t, g)
	if got := d.Snapshot().Grant(account, "g"); !got.Retagged.Equal(noon) || got.CoversInstance(guest) || !got.CoversInstance("i-ffff") {
		t.Errorf("the grant is %+v", got)
	}
	if err := d.RemoveGrant(account, "g"); err != nil || d.Snapshot().Grants() != nil {
		t.Errorf("after the removal: %v, %v", d.Snapshot().Grants(), err)
	}
}
