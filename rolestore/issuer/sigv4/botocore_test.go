package sigv4

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os/exec"
	"testing"

	"github.com/rolecall/rolecall/rolestore"
)

// botocoreScript signs the requests on its standard input with botocore, the
// signer of boto3 and the AWS CLI, and prints them as they would be sent.
const botocoreScript = `
import json, sys
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

out = []
for r in json.load(sys.stdin):
    request = AWSRequest(method=r["method"], url=r["url"], data=r["body"].encode() or None,
                         params=r["params"], headers=r["headers"])
    credentials = Credentials(r["key"], r["secret"], r["token"] or None)
    (SigV4QueryAuth if r["presign"] else SigV4Auth)(credentials, "sts", "eu-west-1").add_auth(request)
    sent = request.prepare()
    out.append({"method": sent.method, "url": sent.url, "body": r["body"],
                "headers": {k: v if isinstance(v, str) else v.decode() for k, v in sent.headers.items()}})
json.dump(out, sys.stdout)
`

type botocoreRequest struct {
	Method  string            `json:"method"`
	URL     string            `json:"url"`
	Body    string            `json:"body"`
	Params  map[string]string `json:"params"`
	Headers map[string]string `json:"headers"`
	Key     string            `json:"key"`
	Secret  string            `json:"secret"`
	Token   string            `json:"token"`
	Presign bool              `json:"presign"`
}

var botocoreCases = map[string]botocoreRequest{
	"a POST of a form":                   {Method: "POST", Body: testForm, Headers: map[string]string{"Content-Type": "application/x-www-form-urlencoded"}},
	"a POST with a session token":        {Method: "POST", Body: testForm, Token: testToken},
	"a POST that gives its body's hash":  {Method: "POST", Headers: map[string]string{"X-Amz-Content-SHA256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}},
	"a POST with a Date header":          {Method: "POST", Body: testForm, Headers: map[string]string{"Date": "replaced"}},
	"runs of spaces in a header":         {Method: "GET", Headers: map[string]string{"X-Spaced": "  a   b  "}},
	"a GET with parameters":              {Method: "GET", Params: map[string]string{"Action": "GetCallerIdentity", "Version": "2011-06-15"}},
	"parameters with spaces and unicode": {Method: "GET", Params: map[string]string{"b c": "a b+c", "Köln": "€", "empty": "", "a/b": "~-_."}},
	"a repeated key in the URL":          {Method: "GET", URL: "?k=b&k=a&a-b=1&a=2&bare="},
	"a path with escapes":                {Method: "GET", URL: "a%20b/c"},
	"a presigned GET":                    {Method: "GET", URL: "?Action=GetCallerIdentity&Version=2011-06-15", Presign: true},
	"a presigned GET with a token": {
		Method: "GET", URL: "?Action=GetCallerIdentity&Version=2011-06-15", Presign: true, Token: testToken,
		Headers: map[string]string{"x-k8s-aws-id": "my-cluster"},
	},
	"a presigned POST, its form moved to the query": {Method: "POST", Params: map[string]string{"Action": "AssumeRole", "RoleArn": "arn:aws:iam::1:role/a b"}, Presign: true},
}

func TestVerifyAcceptsWhatBotocoreSigns(t *testing.T) {
	var names []string
	var asked, signed []botocoreRequest
	for name, request := range botocoreCases {
		request.URL = "https://sts.eu-west-1.amazonaws.com/" + request.URL
		request.Key, request.Secret = testKey, testSecret
		names, asked = append(names, name), append(asked, request)
	}
	if err := json.Unmarshal(runBotocore(t, asked), &signed); err != nil {
		t.Fatal(err)
	}
	for i, name := range names {
		t.Run(name, func(t *testing.T) {
			r := newRequest(t, signed[i].URL, signed[i].Body)
			r.Method, r.Header = signed[i].Method, http.Header{}
			for key, value := range signed[i].Headers {
				r.Header.Set(key, value)
			}
			s, err := Parse(received(t, r))
			if err != nil {
				t.Fatal(err)
			}
			if err := NewVerifier("sts").Verify(s, rolestore.NewSecret(testSecret), s.Time); err != nil {
				t.Fatalf("%s %s: %v", signed[i].Method, signed[i].URL, err)
			}
			if s.SessionToken.Reveal() != asked[i].Token || s.Presigned != asked[i].Presign {
				t.Errorf("read %+v", s)
			}
		})
	}
}

func runBotocore(t *testing.T, requests []botocoreRequest) []byte {
	const python = "/usr/bin/python3" // Debian's, where the package python3-botocore goes
	if err := exec.CommandContext(t.Context(), python, "-c", "import botocore").Run(); err != nil {
		t.Skip("needs Debian's python3-botocore: it is the second opinion on signatures")
	}
	input, err := json.Marshal(requests)
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
	return output
}
