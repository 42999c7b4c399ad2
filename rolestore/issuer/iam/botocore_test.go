package iam

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"testing"
)

// boto3Script is what an administrator's program does with boto3, with nothing changed but
// where it finds the service.
const boto3Script = `
import json, sys
import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, WaiterError

given = json.load(sys.stdin)

def client(key, secret, token=None):
    return boto3.client("iam", region_name="eu-west-1", endpoint_url=given["endpoint"], aws_access_key_id=key,
        aws_secret_access_key=secret, aws_session_token=token, config=Config(retries={"max_attempts": 0}, proxies={}))

admin = client(given["key"], given["secret"], given["token"])
out = {}

def waits(name):
    try:
        admin.get_waiter("user_exists").wait(UserName=name, WaiterConfig={"Delay": 0, "MaxAttempts": 2})
        return True
    except WaiterError as e:
        return str(e.last_response["Error"]["Code"])

out["before"] = waits("alice")
admin.create_user(UserName="alice", Path="/team/", Tags=[{"Key": "cost", "Value": "a b"}])
out["after"] = waits("alice")
for name in ["bob", "carol"]:
    admin.create_user(UserName=name)
admin.create_group(GroupName="ops")
for name in ["alice", "bob", "carol"]:
    admin.add_user_to_group(GroupName="ops", UserName=name)
admin.put_group_policy(GroupName="ops", PolicyName="see", PolicyDocument=json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["iam:GetUser", "iam:*AccessKey*"], "Resource": "arn:aws:iam::*:user/*"}]}))
out["policy"] = admin.get_group_policy(GroupName="ops", PolicyName="see")["PolicyDocument"]["Statement"][0]["Effect"]

def pages(operation, key, name, **arguments):
    found = admin.get_paginator(operation).paginate(PaginationConfig={"PageSize": 2}, **arguments)
    return [m[name] for page in found for m in page[key]]

out["users"] = pages("list_users", "Users", "UserName")
out["members"] = pages("get_group", "Users", "UserName", GroupName="ops")
out["groups"] = pages("list_groups_for_user", "Groups", "GroupName", UserName="bob")
out["details"] = pages("get_account_authorization_details", "UserDetailList", "UserName", Filter=["User", "Group"])
out["tags"] = pages("list_user_tags", "Tags", "Value", UserName="alice")

key = admin.create_access_key(UserName="bob")["AccessKey"]
bob = client(key["AccessKeyId"], key["SecretAccessKey"])
out["bob"] = bob.get_user()["User"]["Arn"]
out["keys"] = [k["Status"] for k in bob.list_access_keys()["AccessKeyMetadata"]]
out["used"] = sorted(bob.get_access_key_last_used(AccessKeyId=key["AccessKeyId"])["AccessKeyLastUsed"].items())
bob.update_access_key(AccessKeyId=key["AccessKeyId"], Status="Inactive")

def refusal(f, **arguments):
    try:
        f(**arguments)
    except ClientError as e:
        return "%d %s" % (e.response["ResponseMetadata"]["HTTPStatusCode"], e.response["Error"]["Code"])

device = admin.create_virtual_mfa_device(VirtualMFADeviceName="bob")["VirtualMFADevice"]
out["png"] = device["QRCodePNG"][:4].hex()
out["seed"] = len(device["Base32StringSeed"])
out["summary"] = admin.get_account_summary()["SummaryMap"]["Users"]
out["refusals"] = [
    refusal(bob.get_user),
    refusal(admin.create_user, UserName="BOB"),
    refusal(admin.delete_user, UserName="bob"),
    refusal(admin.get_user, UserName="nobody"),
    refusal(admin.get_user),
    refusal(admin.enable_mfa_device, UserName="bob", SerialNumber=device["SerialNumber"], AuthenticationCode1="000000", AuthenticationCode2="000000"),
]
resource = boto3.resource("iam", region_name="eu-west-1", endpoint_url=given["endpoint"], aws_access_key_id=given["key"],
    aws_secret_access_key=given["secret"], aws_session_token=given["token"])
out["resource"] = sorted(u.name for u in resource.Group("ops").users.all())
json.dump(out, sys.stdout)
`

func TestBoto3IsServed(t *testing.T) {
	const python = "/usr/bin/python3" // Debian's, where the package python3-boto3 goes
	if err := exec.CommandContext(t.Context(), python, "-c", "import boto3").Run(); err != nil {
		t.Skip("needs Debian's python3-boto3")
	}
	w := newWorld(t, standard())
	c := w.session(t, account, "admin")
	input, err := json.Marshal(map[string]string{"endpoint": w.url, "key": c.AccessKeyID, "secret": c.SecretAccessKey.Reveal(), "token": c.SessionToken.Reveal()})
	must(t, err)
	command := exec.CommandContext(t.Context(), python, "-W", "ignore", "-c", boto3Script)
	command.Stdin = bytes.NewReader(input)
	var problems bytes.Buffer
	command.Stderr = &problems
	output, err := command.Output()
	if err != nil {
		t.Fatalf("boto3: %v: %s", err, problems.String())
	}
	people := []any{"alice", "bob", "carol"}
	want := map[string]any{
		"before": "NoSuchEntity", "after": true, "policy": "Allow", "users": people, "members": people, "groups": []any{"ops"}, "details": people,
		"tags": []any{"a b"}, "bob": "arn:aws:iam::" + account + ":user/bob", "keys": []any{"Active"},
		"used": []any{[]any{"Region", "N/A"}, []any{"ServiceName", "N/A"}}, "png": "89504e47", "seed": 64, "summary": 3,
		"refusals": []any{"403 InvalidClientTokenId", "409 EntityAlreadyExists", "409 DeleteConflict", "404 NoSuchEntity", "400 ValidationError", "403 InvalidAuthenticationCode"},
		"resource": people,
	}
	var got map[string]any
	must(t, json.Unmarshal(output, &got))
	g, err := json.MarshalIndent(got, "", " ")
	must(t, err)
	wanted, err := json.MarshalIndent(want, "", " ")
	must(t, err)
	if !bytes.Equal(g, wanted) {
		t.Errorf("boto3 reads\n%s\nwant\n%s", g, wanted)
	}
}
