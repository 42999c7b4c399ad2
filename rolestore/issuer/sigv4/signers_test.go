package sigv4

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/rolecall/rolecall/rolestore"
)

const (
	testKey    = "ASIAY34FZKBOKMUTVV7A"
	testSecret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
	testToken  = "IQoJb3JpZ2luX2VjE+/longer//than=this=="
	testForm   = "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fweb&RoleSessionName=s"
)

var testTime = time.Date(2025, 11, 23, 12, 0, 0, 0, time.UTC)

// newRequest is a POST of form to url, or a GET when form is empty.
func newRequest(t testing.TB, url, form string) *http.Request {
	t.Helper()
	method := http.MethodPost
	if form == "" {
		method = http.MethodGet
	}
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(form))
	if err != nil {
		t.Fatal(err)
	}
	if form != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	}
	return r
}

// signHTTP signs r with the AWS SDK, in its Authorization header.
func signHTTP(t testing.TB, r *http.Request, body, token string) {
	t.Helper()
	sum := sha256.Sum256([]byte(body))
	err := v4.NewSigner().SignHTTP(t.Context(), awsCredentials(token), r, hex.EncodeToString(sum[:]), "sts", "eu-west-1", testTime)
	if err != nil {
		t.Fatal(err)
	}
}

// presign returns r as the AWS SDK presigns it.
func presign(t testing.TB, r *http.Request, token string) *http.Request {
	t.Helper()
	sum := sha256.Sum256(nil)
	url, header, err := v4.NewSigner().PresignHTTP(t.Context(), awsCredentials(token), r, hex.EncodeToString(sum[:]), "sts", "eu-west-1", testTime)
	if err != nil {
		t.Fatal(err)
	}
	presigned := newRequest(t, url, "")
	presigned.Header = header
	return presigned
}

// signedWith is a GET signed with secret instead of the test secret.
func signedWith(t testing.TB, secret string) Request {
	t.Helper()
	r := newRequest(t, "https://localhost/", "")
	credentials, sum := awsCredentials(""), sha256.Sum256(nil)
	credentials.SecretAccessKey = secret
	err := v4.NewSigner().SignHTTP(t.Context(), credentials, r, hex.EncodeToString(sum[:]), "sts", "eu-west-1", testTime)
	if err != nil {
		t.Fatal(err)
	}
	return received(t, r)
}

func awsCredentials(token string) aws.Credentials {
	return aws.Credentials{AccessKeyID: testKey, SecretAccessKey: testSecret, SessionToken: token}
}

// received sends r over a buffer and returns it as net/http's server reads it.
func received(t testing.TB, r *http.Request) Request {
	t.Helper()
	var wire bytes.Buffer
	if err := r.Write(&wire); err != nil {
		t.Fatal(err)
	}
	read, err := http.ReadRequest(bufio.NewReader(&wire))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(read.Body)
	if err != nil {
		t.Fatal(err)
	}
	return Request{
		Method: read.Method, Path: read.URL.EscapedPath(), RawQuery: read.URL.RawQuery,
		Host: read.Host, Header: read.Header, Body: body,
	}
}

// verify parses and verifies r with the test secret at the test time.
func verify(r Request) (*Signature, error) {
	s, err := Parse(r)
	if err != nil {
		return nil, err
	}
	return s, NewVerifier("sts").Verify(s, rolestore.NewSecret(testSecret), testTime)
}

// signedPost is a POST with a session token, as an SDK sends it.
func signedPost(t testing.TB) Request {
	t.Helper()
	r := newRequest(t, "https://sts.eu-west-1.amazonaws.com/", testForm)
	signHTTP(t, r, testForm, testToken)
	return received(t, r)
}

// presignedGet is a presigned GetCallerIdentity as aws-iam-authenticator makes it.
func presignedGet(t testing.TB) Request {
	t.Helper()
	r := newRequest(t, "https://sts.eu-west-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Expires=60", "")
	r.Header.Set("X-K8s-Aws-Id", "my-cluster")
	return received(t, presign(t, r, testToken))
}
