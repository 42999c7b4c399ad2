package imds_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/rolestore"
)

// The documents are compared byte by byte: some clients look for their text.
const (
	credentialsText = `{
  "Code" : "Success",
  "LastUpdated" : "2026-03-04T05:06:07Z",
  "Type" : "AWS-HMAC",
  "AccessKeyId" : "ASIAIOSFODNN7EXAMPLE",
  "SecretAccessKey" : "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
  "Token" : "FwoGZXIvYXdzEXAMPLE+/==",
  "Expiration" : "2026-03-04T11:06:07Z"
}`
	infoText = `{
  "Code" : "Success",
  "LastUpdated" : "2026-03-04T05:06:07Z",
  "InstanceProfileArn" : "arn:aws:iam::123456789012:instance-profile/web",
  "InstanceProfileId" : "AIPAEXAMPLEWEB"
}`
	refusedText = `{
  "Code" : "AssumeRoleUnauthorizedAccess",
  "Message" : "EC2 cannot assume the role web-role.  Please see documentation at http://docs.amazonwebservices.com/IAM/latest/UserGuide/RolesTroubleshooting.html.",
  "LastUpdated" : "2026-03-04T06:06:07Z"
}`
)

func TestDocumentsAreEC2sToTheByte(t *testing.T) {
	h := newHost(t)
	h.Put(web())
	publish(h)
	check := func(path, text, modified string) {
		t.Helper()
		resp := h.get(t, path)
		if got := body(t, resp); got != text {
			t.Errorf("%s: got\n%s\nwant\n%s", path, got, text)
		}
		if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "text/plain" || resp.Header.Get("Last-Modified") != modified {
			t.Errorf("%s: %s, %v", path, resp.Status, resp.Header)
		}
	}
	check(rolePath, credentialsText, "Wed, 04 Mar 2026 05:06:07 GMT")
	check(infoPath, infoText, "Wed, 04 Mar 2026 05:06:07 GMT")
	h.sleep(time.Hour)
	h.Refuse(web())
	check(rolePath, refusedText, "Wed, 04 Mar 2026 06:06:07 GMT")
}

func TestTimesAreUTCInWholeSeconds(t *testing.T) {
	h := newHost(t)
	h.Put(web())
	c := credentials()
	east := time.FixedZone("east", 9*3600)
	c.LastUpdated = c.LastUpdated.Add(999 * time.Millisecond).In(east)
	c.Expiration = c.Expiration.Add(time.Nanosecond).In(east)
	h.Publish(web(), c)
	if got := body(t, h.get(t, rolePath)); got != credentialsText {
		t.Errorf("got %s", got)
	}
}

func TestAnyTextOfAnIssuerIsJSON(t *testing.T) {
	h := newHost(t)
	h.Put(web())
	const text = "\"quoted\" \\ and & < > \n\x01 é"
	c := credentials()
	c.SessionToken = rolestore.NewSecret(text)
	h.Publish(web(), c)
	document := body(t, h.get(t, rolePath))
	if !strings.Contains(document, "& < >") {
		t.Errorf("escaped for HTML: %s", document)
	}
	var got struct{ Token, Expiration string }
	if err := json.Unmarshal([]byte(document), &got); err != nil {
		t.Fatal(err)
	}
	if got.Token != text || got.Expiration != "2026-03-04T11:06:07Z" {
		t.Errorf("got %q", got)
	}
}

func TestTheExtendedDocumentNamesTheAccount(t *testing.T) {
	const path = "/latest/meta-data/iam/security-credentials-extended/web-role"
	h := newHost(t)
	h.Put(web())
	publish(h)
	plain, extended := body(t, h.get(t, rolePath)), body(t, h.get(t, path))
	if want := strings.TrimSuffix(plain, "\n}") + ",\n  \"AccountId\" : \"123456789012\"\n}"; extended != want {
		t.Errorf("got %s, want %s", extended, want)
	}
	h.Refuse(web())
	if got := body(t, h.get(t, path)); !strings.Contains(got, "AssumeRoleUnauthorizedAccess") || got != body(t, h.get(t, rolePath)) {
		t.Errorf("refused: %s", got)
	}
	none := web()
	none.Profile = rolestore.InstanceProfile{}
	h.Put(none)
	if resp := h.get(t, path); resp.StatusCode != 404 {
		t.Errorf("without a role: %s", resp.Status)
	}
}

// TestWhoHasNoTokenHasOtherCredentials is what the condition key ec2:RoleDelivery stands on
// (https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InstanceMetadataOptionsRequest.html,
// HttpTokens).
func TestWhoHasNoTokenHasOtherCredentials(t *testing.T) {
	h := newHost(t)
	optional := web()
	optional.Options.HTTPTokens = "optional"
	h.Put(optional)
	both, tokenless := credentials(), credentials()
	tokenless.AccessKeyID = "ASIATOKENLESS"
	both.Tokenless = &tokenless
	without := func(path string) *http.Response { return h.ask(t, webID, "GET "+path+" HTTP/1.1", hostIP) }
	expect := func(when, with, without string, got ...*http.Response) {
		t.Helper()
		for n, want := range []string{with, without} {
			if text := body(t, got[n]); (want == "") != (got[n].StatusCode == http.StatusServiceUnavailable) || !strings.Contains(text, want) {
				t.Errorf("%s: got %s %q, want %q", when, got[n].Status, text, want)
			}
		}
	}
	const extended = "/latest/meta-data/iam/security-credentials-extended/web-role"
	h.Publish(optional, both)
	expect("both", both.AccessKeyID, "ASIATOKENLESS", h.get(t, rolePath), without(rolePath))
	expect("both, extended", both.AccessKeyID, "ASIATOKENLESS", h.get(t, extended), without(extended))
	h.Publish(optional, credentials()) // as they were fetched while tokens were required
	expect("one", both.AccessKeyID, "", h.get(t, rolePath), without(rolePath))
	expect("one, extended", both.AccessKeyID, "", h.get(t, extended), without(extended))
	h.Publish(optional, both)
	h.Put(optional)
	expect("put again", both.AccessKeyID, "ASIATOKENLESS", h.get(t, rolePath), without(rolePath))
	h.Refuse(optional)
	expect("refused", "AssumeRoleUnauthorizedAccess", "AssumeRoleUnauthorizedAccess", h.get(t, rolePath), without(rolePath))
}
