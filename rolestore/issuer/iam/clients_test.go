package iam

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// Debian's, where its packages of boto3, the AWS CLI and Ansible go.
const (
	python = "/usr/bin/python3"
	awsCLI = "/usr/bin/aws"
)

// environment is that of a program that finds nothing of this machine's but credentials of
// a role, and where the service is.
func (w *world) environment(t testing.TB, role string) []string {
	t.Helper()
	c := w.session(t, account, role)
	home := t.TempDir()
	return []string{"PATH=/usr/bin:/bin", "HOME=" + home, "TMPDIR=" + home, "LC_ALL=C.UTF-8", "AWS_REGION=eu-west-1", "AWS_DEFAULT_REGION=eu-west-1", "AWS_PAGER=",
		"AWS_EC2_METADATA_DISABLED=true", "AWS_ACCESS_KEY_ID=" + c.AccessKeyID, "AWS_SECRET_ACCESS_KEY=" + c.SecretAccessKey.Reveal(),
		"AWS_SESSION_TOKEN=" + c.SessionToken.Reveal(), "ENDPOINT=" + w.url}
}

// play runs an unmodified client and returns what it prints.
func (w *world) play(t testing.TB, role, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Env = w.environment(t, role)
	cmd.Dir = t.TempDir()
	var problems bytes.Buffer
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v: %s %s", name, err, out, problems.String())
	}
	return string(out)
}

// botoScript is what an administrator's program does with boto3.
const botoScript = `
import boto3, json, os
iam = boto3.client("iam", endpoint_url=os.environ["ENDPOINT"])
trust = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]})
document = lambda action: json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]})
tags = [{"Key": "team", "Value": "a b+c"}, {"Key": "Größe", "Value": ""}]
out = {}

role = iam.create_role(RoleName="web", Path="/team/", AssumeRolePolicyDocument=trust, Description="Größe", MaxSessionDuration=7200, Tags=tags)["Role"]
arn = iam.create_policy(PolicyName="files", Path="/boto/", PolicyDocument=document("s3:Get*"), Description="one", Tags=tags)["Policy"]["Arn"]
iam.create_instance_profile(InstanceProfileName="web", Path="/team/", Tags=tags)
for name, arguments in (("role_exists", {"RoleName": "web"}), ("policy_exists", {"PolicyArn": arn}), ("instance_profile_exists", {"InstanceProfileName": "web"})):
    iam.get_waiter(name).wait(**arguments, WaiterConfig={"Delay": 1, "MaxAttempts": 1})
iam.add_role_to_instance_profile(InstanceProfileName="web", RoleName="web")
iam.attach_role_policy(RoleName="web", PolicyArn=arn)
out["trust"] = role["AssumeRolePolicyDocument"] == iam.get_role(RoleName="web")["Role"]["AssumeRolePolicyDocument"] == json.loads(trust)
out["profile"] = [r["Arn"] for r in iam.get_instance_profile(InstanceProfileName="web")["InstanceProfile"]["Roles"]]

iam.update_role(RoleName="web", Description="two", MaxSessionDuration=3600)
out["version"] = iam.create_policy_version(PolicyArn=arn, PolicyDocument=document("s3:Put*"), SetAsDefault=True)["PolicyVersion"]["VersionId"]
out["document"] = iam.get_policy_version(PolicyArn=arn, VersionId="v2")["PolicyVersion"]["Document"]["Statement"][0]["Action"]
iam.tag_role(RoleName="web", Tags=[{"Key": "cost", "Value": "1"}])
iam.untag_instance_profile(InstanceProfileName="web", TagKeys=["team"])
out["tags"] = [sorted(t["Key"] for t in tags) for tags in (iam.list_role_tags(RoleName="web")["Tags"],
    iam.list_policy_tags(PolicyArn=arn)["Tags"], iam.list_instance_profile_tags(InstanceProfileName="web")["Tags"])]

for i in range(5):
    iam.create_role(RoleName="page%d" % i, Path="/pages/", AssumeRolePolicyDocument=trust)
pages = list(iam.get_paginator("list_roles").paginate(PathPrefix="/pages/", PaginationConfig={"PageSize": 2}))
out["pages"] = [[r["RoleName"] for r in p["Roles"]] for p in pages]
out["paginators"] = [
    [p["PolicyName"] for p in iam.get_paginator("list_policies").paginate(Scope="Local", PaginationConfig={"PageSize": 1}).build_full_result()["Policies"]],
    [v["VersionId"] for v in iam.get_paginator("list_policy_versions").paginate(PolicyArn=arn, PaginationConfig={"PageSize": 1}).build_full_result()["Versions"]],
    [p["InstanceProfileName"] for p in iam.get_paginator("list_instance_profiles_for_role").paginate(RoleName="web").build_full_result()["InstanceProfiles"]],
    [r["RoleName"] for r in iam.get_paginator("list_entities_for_policy").paginate(PolicyArn=arn).build_full_result()["PolicyRoles"]]]

def refusal(f, **arguments):
    try:
        f(**arguments)
    except iam.exceptions.ClientError as e:
        return "%d %s" % (e.response["ResponseMetadata"]["HTTPStatusCode"], e.response["Error"]["Code"])

out["refusals"] = [refusal(iam.delete_policy, PolicyArn=arn), refusal(iam.delete_instance_profile, InstanceProfileName="web"), refusal(iam.delete_role, RoleName="web"),
    refusal(iam.create_role, RoleName="WEB", AssumeRolePolicyDocument=trust), refusal(iam.get_policy, PolicyArn=arn + "x")]

resource = boto3.resource("iam", endpoint_url=os.environ["ENDPOINT"])
profile = resource.InstanceProfile("web")
profile.remove_role(RoleName="web")
profile.delete()
resource.Role("web").detach_policy(PolicyArn=arn)
resource.Role("web").delete()
resource.PolicyVersion(arn, "v1").delete()
resource.Policy(arn).delete()
for r in resource.roles.filter(PathPrefix="/pages/"):
    r.delete()
out["left"] = [r.name for r in resource.roles.all()] + [p.policy_name for p in resource.policies.filter(Scope="Local")] + list(resource.instance_profiles.all())
print(json.dumps(out))
`

func TestBoto3ManagesRolesPoliciesAndProfiles(t *testing.T) {
	if err := exec.CommandContext(t.Context(), python, "-c", "import boto3").Run(); err != nil {
		t.Skip("needs Debian's python3-boto3")
	}
	w := newWorld(t, standard())
	out := w.play(t, "admin", python, "-W", "ignore", "-c", botoScript)
	const roles = "arn:aws:iam::" + account + ":role/"
	want := `{"trust":true,"profile":["` + roles + `team/web"],"version":"v2","document":"s3:Put*",` +
		`"tags":[["Größe","cost","team"],["Größe","team"],["Größe"]],"pages":[["page0","page1"],["page2","page3"],["page4"]],` +
		`"paginators":[["files","read"],["v2","v1"],["web"],["web"]],` +
		`"refusals":["409 DeleteConflict","409 DeleteConflict","409 DeleteConflict","409 EntityAlreadyExists","404 NoSuchEntity"],` +
		`"left":["admin","rolecall-administrator","read"]}`
	if got, want := canonical(t, out), canonical(t, want); got != want {
		t.Errorf("boto3 reads\n%s\nwant\n%s", got, want)
	}
}

func canonical(t testing.TB, text string) string {
	t.Helper()
	var v any
	must(t, json.Unmarshal([]byte(text), &v))
	b, err := json.MarshalIndent(v, "", " ")
	must(t, err)
	return string(b)
}

// cliScript is what an administrator types.
const cliScript = `
set -eu
iam() { /usr/bin/aws iam --endpoint-url "$ENDPOINT" --output text "$@"; }
cat >trust.json <<END
{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
END
sed 's/"Principal.*Action.*}\]/"Action": "s3:*", "Resource": "*"}]/' trust.json >policy.json
iam create-role --role-name web --path /team/ --assume-role-policy-document file://trust.json --tags Key=team,Value='a b' --query Role.Arn
iam wait role-exists --role-name web
arn=$(iam create-policy --policy-name files --policy-document file://policy.json --query Policy.Arn)
iam wait policy-exists --policy-arn "$arn"
iam create-instance-profile --instance-profile-name web --query InstanceProfile.Arn
iam wait instance-profile-exists --instance-profile-name web
iam add-role-to-instance-profile --instance-profile-name web --role-name web
iam attach-role-policy --role-name web --policy-arn "$arn"
iam list-entities-for-policy --policy-arn "$arn" --query 'PolicyRoles[].RoleName'
iam create-policy-version --policy-arn "$arn" --policy-document file://policy.json --set-as-default --query PolicyVersion.VersionId
iam list-roles --page-size 1 --query 'Roles[].RoleName'
iam delete-role --role-name web 2>&1 | tail -n 1 || true
iam remove-role-from-instance-profile --instance-profile-name web --role-name web
iam delete-instance-profile --instance-profile-name web
iam detach-role-policy --role-name web --policy-arn "$arn"
iam delete-policy-version --policy-arn "$arn" --version-id v1
iam delete-policy --policy-arn "$arn"
iam delete-role --role-name web
iam get-role --role-name web 2>&1 | tail -n 1 || true
`

func TestTheAWSCLIIsServed(t *testing.T) {
	if _, err := os.Stat(awsCLI); err != nil {
		t.Skip("needs Debian's awscli")
	}
	w := newWorld(t, standard())
	out := w.play(t, "admin", "/bin/sh", "-c", cliScript)
	const mine = "arn:aws:iam::" + account + ":"
	want := []string{mine + "role/team/web", mine + "instance-profile/web", "web", "v2", "admin", "rolecall-administrator", "web",
		"An error occurred (DeleteConflict) when calling the DeleteRole operation: Cannot delete entity, must remove roles from instance profile first.",
		"An error occurred (NoSuchEntity) when calling the GetRole operation: The role with name web cannot be found."}
	got := strings.FieldsFunc(out, func(r rune) bool { return r == '\n' || r == '\t' })
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("the AWS CLI says\n%s\nwant\n%s", out, strings.Join(want, "\n"))
	}
}
