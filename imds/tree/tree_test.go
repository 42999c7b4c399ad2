package tree_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/imds/tree"
	"github.com/rolecall/rolecall/rolestore"
	"github.com/rolecall/rolecall/rolestore/identity"
)

func instance(role string) rolestore.Instance {
	i := rolestore.Instance{
		ID:        "i-0123456789abcdef0",
		Placement: rolestore.Placement{Region: "eu-west-1", AvailabilityZone: "eu-west-1b"},
	}
	if role != "" {
		i.Profile = rolestore.InstanceProfile{
			ARN:  "arn:aws:iam::123456789012:instance-profile/web",
			Role: rolestore.Role{ARN: "arn:aws:iam::123456789012:role/team/" + role},
		}
	}
	return i
}

const allVersions = `1.0
2007-01-19
2007-03-01
2007-08-29
2007-10-10
2007-12-15
2008-02-01
2008-09-01
2009-04-04
2011-01-01
2011-05-01
2012-01-12
2014-02-25
2014-11-05
2015-10-20
2016-04-19
2016-06-30
2016-09-02
2018-03-28
2018-08-17
2018-09-24
2019-10-01
2020-10-27
2021-01-03
2021-03-23
latest`

func TestPathsAnswer(t *testing.T) {
	withRole, without := tree.New(instance("web-role"), identity.Signed{}), tree.New(instance(""), identity.Signed{})
	for _, tc := range []struct {
		name string
		tree *tree.Tree
		path string
		want string // "404" for nothing, "live" for what the server fills in
	}{
		{"the root lists the versions", withRole, "/", allVersions},
		{"a version lists categories without slashes", withRole, "/latest/", "dynamic\nmeta-data"},
		{"a directory lists direct children in order", withRole, "/latest/meta-data/", "ami-launch-index\nami-manifest-path\nevents/\nhostname\niam/\ninstance-action\ninstance-id\ninstance-life-cycle\nlocal-hostname\nplacement/\nservices/"},
		{"a directory answers without its slash", withRole, "/latest/meta-data", "ami-launch-index\nami-manifest-path\nevents/\nhostname\niam/\ninstance-action\ninstance-id\ninstance-life-cycle\nlocal-hostname\nplacement/\nservices/"},
		{"iam is a directory", withRole, "/latest/meta-data/iam/", "info\nsecurity-credentials/\nsecurity-credentials-extended/"},
		{"the extended list is the role's name", withRole, "/latest/meta-data/iam/security-credentials-extended/", "web-role"},
		{"the extended document is live", withRole, "/latest/meta-data/iam/security-credentials-extended/web-role", "live"},
		{"no version has the extended list", withRole, "/2021-03-23/meta-data/iam/", "info\nsecurity-credentials/"},
		{"no version has the extended document", withRole, "/2021-03-23/meta-data/iam/security-credentials-extended/web-role", "404"},
		{"the role list is the role's name, without path or newline", withRole, "/latest/meta-data/iam/security-credentials/", "web-role"},
		{"the role list answers without its slash", withRole, "/latest/meta-data/iam/security-credentials", "web-role"},
		{"the role's document is live", withRole, "/latest/meta-data/iam/security-credentials/web-role", "live"},
		{"the role's document answers with a slash", withRole, "/latest/meta-data/iam/security-credentials/web-role/", "live"},
		{"another role is unknown", withRole, "/latest/meta-data/iam/security-credentials/web", "404"},
		{"the placeholder is no role", withRole, "/latest/meta-data/iam/security-credentials/{role}", "404"},
		{"iam/info is live", withRole, "/latest/meta-data/iam/info", "live"},
		{"without a role there is no iam", without, "/latest/meta-data/iam/", "404"},
		{"without a role there is no iam/info", without, "/latest/meta-data/iam/info", "404"},
		{"without a role there is no role list", without, "/latest/meta-data/iam/security-credentials/", "404"},
		{"without a role iam is not listed", without, "/latest/meta-data/", "ami-launch-index\nami-manifest-path\nevents/\nhostname\ninstance-action\ninstance-id\ninstance-life-cycle\nlocal-hostname\nplacement/\nservices/"},
		{"a leaf answers its text", withRole, "/latest/meta-data/instance-id", "i-0123456789abcdef0"},
		{"a leaf answers with a slash", withRole, "/latest/meta-data/placement/availability-zone/", "eu-west-1b"},
		{"the region", withRole, "/latest/meta-data/placement/region", "eu-west-1"},
		{"the domain", withRole, "/latest/meta-data/services/domain", "amazonaws.com"},
		{"the partition", withRole, "/latest/meta-data/services/partition", "aws"},
		{"double slashes count once", withRole, "//latest///meta-data//iam////security-credentials//", "web-role"},
		{"nothing lies below a leaf", withRole, "/latest/meta-data/instance-id/x", "404"},
		{"dots are not followed", withRole, "/latest/meta-data/iam/../instance-id", "404"},
		{"case matters", withRole, "/latest/Meta-Data/", "404"},
		{"an unknown version is nothing", withRole, "/2030-01-01/meta-data/instance-id", "404"},
		{"a version that EC2 does not list is nothing", withRole, "/2012-01-13/meta-data/instance-id", "404"},
		{"the first version has the instance's id", withRole, "/1.0/meta-data/", "ami-launch-index\nami-manifest-path\nhostname\ninstance-id"},
		{"iam is not older than its version", withRole, "/2011-05-01/meta-data/iam/info", "404"},
		{"iam is as old as its version", withRole, "/2012-01-12/meta-data/iam/info", "live"},
		{"a directory is as old as its oldest leaf", withRole, "/2008-02-01/meta-data/placement", "availability-zone"},
		{"a directory lists what the version has", withRole, "/2014-02-25/meta-data/", "ami-launch-index\nami-manifest-path\nhostname\niam/\ninstance-action\ninstance-id\nlocal-hostname\nplacement/\nservices/"},
		{"a directory is not older than its oldest leaf", withRole, "/2007-12-15/meta-data/placement", "404"},
		{"a younger sibling is not listed", withRole, "/2014-02-25/meta-data/services", "domain"},
		{"a younger sibling does not answer", withRole, "/2014-02-25/meta-data/services/partition", "404"},
		{"versions between categories' dates have the earlier ones", withRole, "/2020-10-27/meta-data/placement/", "availability-zone\nregion"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := "404"
			if n, ok := tc.tree.Lookup(tc.path); ok && n.Kind != tree.Text {
				got = "live"
			} else if ok {
				got = string(n.Body)
			}
			if got != tc.want {
				t.Errorf("%s answers %q, want %q", tc.path, got, tc.want)
			}
		})
	}
}

func TestVersionsAreSorted(t *testing.T) {
	if list := strings.Split(allVersions, "\n"); !slices.IsSorted(list) {
		t.Fatal("the comparison of versions as strings does not hold")
	}
	for _, v := range strings.Split(allVersions, "\n") {
		if !tree.IsVersion(v) {
			t.Errorf("%s is listed and no version", v)
		}
	}
	for _, v := range []string{"", "Latest", "2021-03-24", "1"} {
		if tree.IsVersion(v) {
			t.Errorf("%q is a version", v)
		}
	}
}

var roleName = regexp.MustCompile(`^[A-Za-z0-9_+=,.@-]{1,64}$`) // IAM's CreateRole

func FuzzLookup(f *testing.F) {
	f.Add("/", "web")
	f.Add("/latest/meta-data//iam/", "web")
	f.Add("/2008-02-01/meta-data", "a+b=c,d.e@f-g")
	f.Add("//..//%2e", "")
	f.Add("latest", "info")
	f.Fuzz(func(t *testing.T, path, role string) {
		if role != "" && !roleName.MatchString(role) {
			t.Skip("IAM has no such role")
		}
		for _, i := range []rolestore.Instance{instance(role), launched(role)} {
			tr := tree.New(i, identity.Signed{})
			checkListings(t, tr, path)
			checkListings(t, tr, "/")
		}
	})
}

// checkListings follows every listing that it finds at path and below, as
// cloud-init does, which gives up on the first child that does not answer. It takes
// what is listed of a public key for a number and a name.
func checkListings(t *testing.T, tr *tree.Tree, path string) {
	n, ok := tr.Lookup(path)
	if !ok || !n.Directory {
		return
	}
	if len(n.Body) == 0 {
		t.Errorf("%q lists nothing", path)
	}
	for line := range strings.SplitSeq(string(n.Body), "\n") {
		below := path + "/" + line
		if _, rest := tree.Split(path); rest == "meta-data/public-keys" {
			number, _, _ := strings.Cut(line, "=")
			below = path + "/" + number + "/openssh-key"
		}
		if _, ok := tr.Lookup(below); !ok {
			t.Errorf("%q is listed and does not answer", below)
		}
		if strings.Trim(line, "/") == "" {
			t.Fatalf("%q lists an empty name", path)
		}
		checkListings(t, tr, below)
	}
}
