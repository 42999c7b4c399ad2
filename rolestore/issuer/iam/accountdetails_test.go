package iam

import (
	"net/url"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
)

func TestAllOfAnAccountIsTold(t *testing.T) {
	w := newWorld(t, standard(may("nobody")))
	admin := w.role(t, "admin")
	found(t, admin, "ops")
	_, err := admin.PutGroupPolicy(t.Context(), &awsiam.PutGroupPolicyInput{GroupName: str("ops"), PolicyName: str("all"), PolicyDocument: str(allowAll)})
	must(t, err)
	_, err = admin.CreateUser(t.Context(), &awsiam.CreateUserInput{UserName: str("alice"), PermissionsBoundary: str(readOnly), Tags: []types.Tag{{Key: str("k"), Value: str("v")}}})
	must(t, err)
	enlist(t, w.as(w.session(t, other, "admin")), "theirs")
	must(t, join(t, admin, "alice", "ops"))
	_, err = admin.AttachUserPolicy(t.Context(), &awsiam.AttachUserPolicyInput{UserName: str("alice"), PolicyArn: str(readOnly)})
	must(t, err)
	allowUser(t, admin, "alice", `"Effect":"Allow","Action":"iam:*","Resource":"*"`)
	_, err = admin.AttachGroupPolicy(t.Context(), &awsiam.AttachGroupPolicyInput{GroupName: str("ops"), PolicyArn: str("arn:aws:iam::aws:policy/AdministratorAccess")})
	must(t, err)

	tell := func(wanted ...types.EntityType) (names []string, pages int, last *awsiam.GetAccountAuthorizationDetailsOutput) {
		t.Helper()
		p := awsiam.NewGetAccountAuthorizationDetailsPaginator(admin, &awsiam.GetAccountAuthorizationDetailsInput{Filter: wanted, MaxItems: aws.Int32(2)})
		for p.HasMorePages() {
			page, err := p.NextPage(t.Context())
			must(t, err)
			for _, g := range page.GroupDetailList {
				names = append(names, "group "+*g.GroupName)
			}
			for _, r := range page.RoleDetailList {
				names = append(names, "role "+*r.RoleName)
			}
			for _, u := range page.UserDetailList {
				names = append(names, "user "+*u.UserName)
			}
			for _, p := range page.Policies {
				names = append(names, "policy "+*p.PolicyName)
			}
			last, pages = page, pages+1
		}
		slices.Sort(names)
		return names, pages, last
	}
	all := []string{"group ops", "role admin", "role nobody", "role rolecall-administrator", "user alice"}
	if names, pages, _ := tell(types.EntityTypeUser, types.EntityTypeGroup, types.EntityTypeRole); !slices.Equal(names, all) || pages != 3 {
		t.Errorf("%d pages: %q", pages, names)
	}
	if names, _, _ := tell(); !slices.Equal(names, slices.Concat(all[:1], []string{"policy AdministratorAccess", "policy read"}, all[1:])) {
		t.Errorf("without a filter: %q", names)
	}
	names, _, last := tell(types.EntityTypeLocalManagedPolicy)
	if !slices.Equal(names, []string{"policy read"}) {
		t.Errorf("policies: %q", names)
	}
	p := last.Policies[0]
	text, err := url.PathUnescape(*p.PolicyVersionList[0].Document)
	must(t, err)
	if *p.Arn != readOnly || *p.DefaultVersionId != "v1" || !p.PolicyVersionList[0].IsDefaultVersion || *p.AttachmentCount != 1 || *p.PermissionsBoundaryUsageCount != 1 ||
		text != statement(`"Effect":"Allow","Action":"s3:Get*","Resource":"*"`) {
		t.Errorf("the policy: %+v, %s", p, text)
	}
	names, _, last = tell(types.EntityTypeUser)
	if !slices.Equal(names, all[4:]) {
		t.Errorf("users: %q", names)
	}
	u := last.UserDetailList[0]
	text, err = url.PathUnescape(*u.UserPolicyList[0].PolicyDocument)
	must(t, err)
	if *u.Arn != "arn:aws:iam::"+account+":user/alice" || *u.UserPolicyList[0].PolicyName != "may" || text != statement(`"Effect":"Allow","Action":"iam:*","Resource":"*"`) ||
		!slices.Equal(u.GroupList, []string{"ops"}) || *u.AttachedManagedPolicies[0].PolicyArn != readOnly || *u.PermissionsBoundary.PermissionsBoundaryArn != readOnly || *u.Tags[0].Value != "v" {
		t.Errorf("alice: %+v", u)
	}
	_, _, last = tell(types.EntityTypeRole)
	if r := last.RoleDetailList[0]; *r.AssumeRolePolicyDocument == "" || len(r.RolePolicyList) != 1 || r.RoleLastUsed == nil {
		t.Errorf("the last role: %+v", r)
	}
	_, _, last = tell(types.EntityTypeGroup)
	if g := last.GroupDetailList[0]; len(g.GroupPolicyList) != 1 || *g.GroupPolicyList[0].PolicyName != "all" {
		t.Errorf("the group: %+v", g)
	}
	_, err = admin.GetAccountAuthorizationDetails(t.Context(), &awsiam.GetAccountAuthorizationDetailsInput{Filter: []types.EntityType{"Host"}})
	refused(t, err, "ValidationError", "Value 'Host' at 'filter.1.member' failed to satisfy constraint: Member must satisfy enum value set: ")
	_, err = w.role(t, "nobody").GetAccountAuthorizationDetails(t.Context(), nil)
	refused(t, err, "AccessDenied", "iam:GetAccountAuthorizationDetails on resource: *")
}
