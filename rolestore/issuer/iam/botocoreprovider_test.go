package iam

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"reflect"
	"testing"
)

// providerScript is boto3's lower half, with nothing changed but where it finds the
// service.
const providerScript = `
import json, sys, botocore.session
given = json.load(sys.stdin)
iam = botocore.session.get_session().create_client("iam", region_name="us-east-1", endpoint_url=given["endpoint"],
    aws_access_key_id=given["key"], aws_secret_access_key=given["secret"], aws_session_token=given["token"])
def code(f, **k):
    try:
        f(**k)
    except iam.exceptions.ClientError as e:
        return e.response["Error"]["Code"]
arn = iam.create_open_id_connect_provider(Url="https://login.example.com", ClientIDList=["app"], ThumbprintList=[], Tags=[{"Key": "a", "Value": "b"}])["OpenIDConnectProviderArn"]
provider = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
saml = iam.create_saml_provider(Name="adfs", SAMLMetadataDocument=given["metadata"])["SAMLProviderArn"]
iam.set_security_token_service_preferences(GlobalEndpointTokenVersion="v2Token")
pages = iam.get_paginator("simulate_custom_policy").paginate(PolicyInputList=[given["policy"]], ActionNames=["s3:GetObject", "sqs:SendMessage", "iam:GetRole"],
    ContextEntries=[{"ContextKeyName": "a:key", "ContextKeyType": "stringList", "ContextKeyValues": []}], PaginationConfig={"PageSize": 2})
results = [r for page in pages for r in page["EvaluationResults"]]
principal = iam.simulate_principal_policy(PolicySourceArn=given["role"], ActionNames=["s3:GetObject"], ResourceArns=["arn:aws:s3:::b/k"])["EvaluationResults"][0]
json.dump({
    "provider": [arn, provider["Url"], provider["ClientIDList"], provider["ThumbprintList"], provider["Tags"][0]["Key"]],
    "saml": [saml, iam.get_saml_provider(SAMLProviderArn=saml)["SAMLMetadataDocument"] == given["metadata"]],
    "decisions": [r["EvalDecision"] for r in results],
    "position": results[0]["MatchedStatements"][0]["StartPosition"],
    "principal": [principal["EvalDecision"], principal["ResourceSpecificResults"][0]["EvalResourceName"]],
    "keys": iam.get_context_keys_for_custom_policy(PolicyInputList=[given["policy"]])["ContextKeyNames"],
    "codes": [code(iam.create_open_id_connect_provider, Url="https://login.example.com", ThumbprintList=[]), code(iam.simulate_custom_policy, PolicyInputList=["{}"], ActionNames=["a:b"])] +
        ([code(iam.get_outbound_web_identity_federation_info)] if hasattr(iam, "get_outbound_web_identity_federation_info") else ["FeatureDisabled"]),
}, sys.stdout)
`

func TestBotocoreFederatesAndSimulates(t *testing.T) {
	const python = "/usr/bin/python3" // Debian's, where the package python3-botocore goes
	if err := exec.CommandContext(t.Context(), python, "-c", "import botocore").Run(); err != nil {
		t.Skip("needs Debian's python3-botocore: it is what boto3 and the AWS CLI are made of")
	}
	w := newWorld(t, standard())
	c := w.session(t, account, "admin")
	metadata, _ := newIDP(t)
	input, err := json.Marshal(map[string]string{"endpoint": w.url, "key": c.AccessKeyID, "secret": c.SecretAccessKey.Reveal(), "token": c.SessionToken.Reveal(),
		"policy": statement(`"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"Null":{"a:key":"true"}}`), "role": rolePre + "admin", "metadata": metadata})
	must(t, err)
	command := exec.CommandContext(t.Context(), python, "-W", "ignore", "-c", providerScript)
	command.Stdin = bytes.NewReader(input)
	var problems bytes.Buffer
	command.Stderr = &problems
	output, err := command.Output()
	if err != nil {
		t.Fatalf("botocore: %v: %s", err, problems.String())
	}
	var got, want any
	must(t, json.Unmarshal(output, &got))
	must(t, json.Unmarshal([]byte(`{"provider":["`+oidcPre+`login.example.com","login.example.com",["app"],[],"a"],"saml":["`+samlPre+`adfs",true],
		"decisions":["allowed","implicitDeny","implicitDeny"],"position":{"Line":1,"Column":38},"principal":["allowed","arn:aws:s3:::b/k"],"keys":["a:key"],
		"codes":["EntityAlreadyExists","InvalidInput","FeatureDisabled"]}`), &want))
	if !reflect.DeepEqual(got, want) {
		t.Errorf("botocore reads\n%s\nwant\n%v", output, want)
	}
}
