package sts

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"testing"
	"time"
)

// botocoreScript is a program of boto3's lower half, with nothing changed but
// where it finds the service.
const botocoreScript = `
import json, sys, urllib.request
import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError

given = json.load(sys.stdin)

def client(key="", secret="", token=None):
    return botocore.session.get_session().create_client("sts", region_name="eu-west-1", endpoint_url=given["endpoint"],
        aws_access_key_id=key, aws_secret_access_key=secret, aws_session_token=token,
        config=Config(retries={"max_attempts": 0}, proxies={}))

def as_session(c):
    return client(c["AccessKeyId"], c["SecretAccessKey"], c["SessionToken"])

caller = client(given["key"], given["secret"], given["token"])
out = {}
assumed = caller.assume_role(RoleArn=given["role"], RoleSessionName="alice", DurationSeconds=900, PolicyArns=[])
out["members"] = sorted(set(assumed) - {"ResponseMetadata"})
out["expiration"] = int(assumed["Credentials"]["Expiration"].timestamp())
out["assumed"] = as_session(assumed["Credentials"]).get_caller_identity()["Arn"]

redeemed = client().assume_role_with_web_identity(RoleArn=given["host_role"], RoleSessionName=given["instance"], WebIdentityToken=given["host_token"])
out["redeemed"] = as_session(redeemed["Credentials"]).get_caller_identity()["Arn"]

url = caller.generate_presigned_url("get_caller_identity", ExpiresIn=60, HttpMethod="GET")
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
out["presigned_xml"] = opener.open(url).headers["Content-Type"]
with opener.open(urllib.request.Request(url, headers={"Accept": "application/json"})) as reply:
    out["presigned"] = json.load(reply)["GetCallerIdentityResponse"]["GetCallerIdentityResult"]["Arn"]

url = caller.generate_presigned_url("get_caller_identity")
out["presigned_post"] = opener.open(urllib.request.Request(url, method="POST", headers={"Content-Length": "0"})).status

user = client(given["user_key"], given["user_secret"])
temporary = user.get_session_token(SerialNumber=given["serial"], TokenCode=given["code"])["Credentials"]
federated = user.get_federation_token(Name="bob", Policy=given["policy"], PolicyArns=[{"arn": given["read"]}], Tags=[{"Key": "cost", "Value": "a b"}])
tagged = user.assume_role(RoleArn=given["tagged"], RoleSessionName="alice", Tags=[{"Key": "team", "Value": ""}, {"Key": "Groesse", "Value": "1 + 1"}],
    TransitiveTagKeys=["team"], SourceIdentity="alice", Policy=given["policy"], PolicyArns=[{"arn": "arn:aws:iam::aws:policy/AdministratorAccess"}], ExternalId="x:1")
out["new"] = [
    as_session(temporary).get_caller_identity()["Arn"],
    as_session(federated["Credentials"]).get_caller_identity()["UserId"], federated["FederatedUser"]["Arn"], str(federated["PackedPolicySize"] > 0),
    tagged["SourceIdentity"], str(tagged["PackedPolicySize"] > 0), as_session(tagged["Credentials"]).get_caller_identity()["Arn"],
    user.get_access_key_info(AccessKeyId=given["user_key"])["Account"],
]
try:
    user.assume_role(RoleArn=given["host_role"], RoleSessionName="alice")
except ClientError as e:
    encoded = e.response["ResponseMetadata"]["HTTPHeaders"]["x-rolecall-encoded-authorization-message"]
    out["new"].append(json.loads(user.decode_authorization_message(EncodedMessage=encoded)["DecodedMessage"])["context"]["action"])

def refusal(f, **arguments):
    try:
        f(**arguments)
    except ClientError as e:
        return "%d %s" % (e.response["ResponseMetadata"]["HTTPStatusCode"], e.response["Error"]["Code"])

out["refusals"] = [
    refusal(caller.assume_role, RoleArn=given["role"], RoleSessionName="alice", Policy="{}"),
    refusal(caller.assume_role, RoleArn=given["role"], RoleSessionName="alice", Tags=[{"Key": "a", "Value": ""}]),
    refusal(caller.assume_role, RoleArn=given["role"] + "x", RoleSessionName="alice"),
    refusal(caller.get_session_token),
    refusal(user.get_session_token, SerialNumber=given["serial"], TokenCode=given["code"]),
    refusal(client(given["key"], "wrong", given["token"]).get_caller_identity),
]
json.dump(out, sys.stdout)
`

func TestBotocoreIsServed(t *testing.T) {
	const python = "/usr/bin/python3" // Debian's, where the package python3-botocore goes
	if err := exec.CommandContext(t.Context(), python, "-c", "import botocore").Run(); err != nil {
		t.Skip("needs Debian's python3-botocore: it is what boto3 and the AWS CLI are made of")
	}
	w := newWorld(t, withPeople())
	c := w.session(t, account, "web")
	input, err := json.Marshal(map[string]string{
		"endpoint": serve(t, w), "key": c.AccessKeyID, "secret": c.SecretAccessKey.Reveal(), "token": c.SessionToken.Reveal(),
		"role": roleARN(account, "target"), "host_role": roleARN(account, "web"), "instance": callerID, "host_token": w.hostToken(t, w.claims()),
		"user_key": aliceKey, "user_secret": aliceSecret, "serial": aliceMFA, "code": w.code(0), "policy": allowAll, "read": readOnly,
		"tagged": roleARN(other, "tagged"),
	})
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), python, "-W", "ignore", "-c", botocoreScript)
	command.Stdin = bytes.NewReader(input)
	var problems bytes.Buffer
	command.Stderr = &problems
	output, err := command.Output()
	if err != nil {
		t.Fatalf("botocore: %v: %s", err, problems.String())
	}

	type seen struct {
		Members       []string
		Expiration    int64
		Assumed       string
		Redeemed      string
		PresignedXML  string `json:"presigned_xml"`
		PresignedPOST int    `json:"presigned_post"`
		Presigned     string
		New           []string
		Refusals      []string
	}
	const caller = "arn:aws:sts::" + account + ":assumed-role/"
	want := seen{
		Members:       []string{"AssumedRoleUser", "Credentials"},
		Expiration:    w.clock().Add(15 * time.Minute).Unix(),
		Assumed:       caller + "target/alice",
		Redeemed:      caller + "web/" + callerID,
		PresignedXML:  "text/xml",
		PresignedPOST: 200,
		Presigned:     caller + "web/" + callerID,
		New: []string{aliceARN, account + ":bob", "arn:aws:sts::" + account + ":federated-user/bob", "True", "alice", "True",
			"arn:aws:sts::" + other + ":assumed-role/tagged/alice", account, "sts:AssumeRole"},
		Refusals: []string{"400 MalformedPolicyDocument", "403 AccessDenied", "403 AccessDenied", "403 AccessDenied",
			"403 AccessDenied", "403 SignatureDoesNotMatch"},
	}
	var got seen
	if err := json.Unmarshal(output, &got); err != nil {
		t.Fatal(err)
	}
	if g, w := text(t, got), text(t, want); g != w {
		t.Errorf("botocore reads\n%s\nwant\n%s", g, w)
	}
}

func text(t *testing.T, v any) string {
	t.Helper()
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
