package iam

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"
)

func TestAnAccountHasOneAlias(t *testing.T) {
	w := newWorld(t, standard())
	admin, theirs := w.role(t, "admin"), w.as(w.session(t, other, "admin"))
	set := func(c *awsiam.Client, alias string) error {
		_, err := c.CreateAccountAlias(t.Context(), &awsiam.CreateAccountAliasInput{AccountAlias: &alias})
		return err
	}
	remove := func(c *awsiam.Client, alias string) error {
		_, err := c.DeleteAccountAlias(t.Context(), &awsiam.DeleteAccountAliasInput{AccountAlias: &alias})
		return err
	}
	for _, alias := range []string{"ab", "-acme", "acme-", "a--b", "Acme", "a.b"} {
		refused(t, set(admin, alias), "ValidationError", "accountAlias")
	}
	must(t, set(admin, "acme"))
	must(t, set(admin, "acme-prod-1"))
	must(t, set(theirs, "acme")) // it is free again
	refused(t, set(theirs, "acme-prod-1"), "EntityAlreadyExists", "The account alias acme-prod-1 already exists.")
	refused(t, remove(admin, "acme"), "NoSuchEntity", "The account alias acme cannot be found.")
	_, err := w.directory.Reconcile(standard(), true)
	must(t, err) // what the file cannot say it does not own
	list, err := admin.ListAccountAliases(t.Context(), nil)
	must(t, err)
	if len(list.AccountAliases) != 1 || list.AccountAliases[0] != "acme-prod-1" {
		t.Errorf("aliases: %q", list.AccountAliases)
	}
	must(t, remove(admin, "acme-prod-1"))
	list, err = admin.ListAccountAliases(t.Context(), nil)
	must(t, err)
	if len(list.AccountAliases) != 0 {
		t.Errorf("aliases: %q", list.AccountAliases)
	}
}

func TestTheSummaryCounts(t *testing.T) {
	w := newWorld(t, standard(may("nobody")))
	admin := w.role(t, "admin")
	enlist(t, admin, "alice", "bob")
	found(t, admin, "ops")
	serial, on := w.device(t, admin, "phone")
	w.device(t, admin, "spare")
	must(t, enable(t, admin, "alice", serial, on.code(t, 0), on.code(t, 1)))
	got, err := admin.GetAccountSummary(t.Context(), nil)
	must(t, err)
	for name, want := range map[string]int32{"Users": 2, "Groups": 1, "Roles": 3, "Policies": 1, "PolicyVersionsInUse": 1, "MFADevices": 2, "MFADevicesInUse": 1, "AccountMFAEnabled": 0,
		"AccessKeysPerUserQuota": 2, "GroupsPerUserQuota": 10, "UserPolicySizeQuota": 2048, "GlobalEndpointTokenVersion": 1} {
		if n, ok := got.SummaryMap[name]; !ok || n != want {
			t.Errorf("%s is %d (%t), want %d", name, n, ok, want)
		}
	}
	nobody := w.role(t, "nobody")
	_, err = nobody.GetAccountSummary(t.Context(), nil)
	refused(t, err, "AccessDenied", "iam:GetAccountSummary on resource: *")
	_, err = nobody.ListAccountAliases(t.Context(), &awsiam.ListAccountAliasesInput{MaxItems: aws.Int32(1)})
	refused(t, err, "AccessDenied", "iam:ListAccountAliases on resource: *")
	_, err = nobody.CreateAccountAlias(t.Context(), &awsiam.CreateAccountAliasInput{AccountAlias: str("acme")})
	refused(t, err, "AccessDenied", "iam:CreateAccountAlias on resource: *")
}
