package iam

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"
)

// versions are the ids of a policy's versions as they are listed, the default one starred.
func versions(t testing.TB, c *awsiam.Client, arn string) string {
	t.Helper()
	var all []string
	pages := awsiam.NewListPolicyVersionsPaginator(c, &awsiam.ListPolicyVersionsInput{PolicyArn: &arn, MaxItems: aws.Int32(2)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		must(t, err)
		for _, v := range page.Versions {
			if v.Document != nil {
				t.Error("a list has documents, which AWS's has not")
			}
			star := ""
			if v.IsDefaultVersion {
				star = "*"
			}
			all = append(all, *v.VersionId+star)
		}
	}
	return strings.Join(all, " ")
}

func TestVersionsOfAPolicy(t *testing.T) {
	w := newWorld(t, standard())
	admin := w.role(t, "admin")
	create(t, admin, "web")
	arn := createManaged(t, admin, "list", "iam:ListRoles")
	_, err := admin.AttachRolePolicy(t.Context(), &awsiam.AttachRolePolicyInput{RoleName: str("web"), PolicyArn: &arn})
	must(t, err)
	web := w.role(t, "web")

	w.mu.Lock()
	w.now = w.now.Add(time.Minute)
	w.mu.Unlock()
	second, err := admin.CreatePolicyVersion(t.Context(), &awsiam.CreatePolicyVersionInput{PolicyArn: &arn, PolicyDocument: str(allows("s3:*"))})
	must(t, err)
	if v := second.PolicyVersion; *v.VersionId != "v2" || v.IsDefaultVersion || !v.CreateDate.Equal(w.clock()) {
		t.Errorf("the second version is %+v", v)
	}
	_, err = web.ListRoles(t.Context(), nil)
	must(t, err) // by the first, which still counts
	must(t, addVersion(t, admin, arn, "sts:*", true))
	_, err = web.ListRoles(t.Context(), nil)
	refused(t, err, "AccessDenied", "iam:ListRoles")
	_, err = admin.SetDefaultPolicyVersion(t.Context(), &awsiam.SetDefaultPolicyVersionInput{PolicyArn: &arn, VersionId: str("v1")})
	must(t, err)
	_, err = web.ListRoles(t.Context(), nil)
	must(t, err)
	if got := versions(t, admin, arn); got != "v3 v2 v1*" {
		t.Errorf("versions: %s", got)
	}
	for version, action := range map[string]string{"v1": "iam:ListRoles", "v2": "s3:*", "v3": "sts:*"} {
		if got := documentOf(t, admin, arn, version); got != allows(action) {
			t.Errorf("%s is %s", version, got)
		}
	}
	got, err := admin.GetPolicy(t.Context(), &awsiam.GetPolicyInput{PolicyArn: &arn})
	must(t, err)
	if *got.Policy.DefaultVersionId != "v1" || !got.Policy.UpdateDate.Equal(w.clock()) || got.Policy.CreateDate.Equal(w.clock()) {
		t.Errorf("the policy is %+v", got.Policy)
	}
	if got := documentOf(t, admin, administrator, "v1"); got != allowAll {
		t.Errorf("AWS's own is %s", got)
	}
}

func TestAPolicyKeepsFiveVersions(t *testing.T) {
	w := newWorld(t, standard())
	admin := w.role(t, "admin")
	arn := createManaged(t, admin, "list", "iam:ListRoles")
	for i := range 4 {
		must(t, addVersion(t, admin, arn, fmt.Sprint("s3:Get", i), true))
	}
	refused(t, addVersion(t, admin, arn, "s3:*", true), "LimitExceeded", "A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing version.")
	drop := func(version string) error {
		_, err := admin.DeletePolicyVersion(t.Context(), &awsiam.DeletePolicyVersionInput{PolicyArn: &arn, VersionId: &version})
		return err
	}
	refused(t, drop("v5"), "DeleteConflict", "Cannot delete the default version of a policy.")
	refused(t, drop("v6"), "NoSuchEntity", "Policy "+arn+" version v6 does not exist or is not attachable.")
	refused(t, drop("5"), "ValidationError", "at 'versionId'")
	_, err := admin.SetDefaultPolicyVersion(t.Context(), &awsiam.SetDefaultPolicyVersionInput{PolicyArn: &arn, VersionId: str("v6")})
	refused(t, err, "NoSuchEntity", "version v6")
	_, err = admin.GetPolicyVersion(t.Context(), &awsiam.GetPolicyVersionInput{PolicyArn: &arn, VersionId: str("v6")})
	refused(t, err, "NoSuchEntity", "version v6")
	_, err = admin.SetDefaultPolicyVersion(t.Context(), &awsiam.SetDefaultPolicyVersionInput{PolicyArn: &arn, VersionId: str("v2")})
	must(t, err)
	must(t, drop("v5"))
	must(t, addVersion(t, admin, arn, "s3:Put*", false))
	if got := versions(t, admin, arn); got != "v6 v4 v3 v2* v1" { // v5 is not given again
		t.Errorf("versions: %s", got)
	}
	_, err = admin.CreatePolicyVersion(t.Context(), &awsiam.CreatePolicyVersionInput{PolicyArn: &arn, PolicyDocument: str("{")})
	refused(t, err, "LimitExceeded", "")
	must(t, drop("v1"))
	_, err = admin.CreatePolicyVersion(t.Context(), &awsiam.CreatePolicyVersionInput{PolicyArn: &arn, PolicyDocument: str("{")})
	refused(t, err, "MalformedPolicyDocument", "")
	if got := versions(t, admin, arn); got != "v6 v4 v3 v2*" {
		t.Errorf("versions: %s", got)
	}
}
