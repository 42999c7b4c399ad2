package sts

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/rolecall/rolecall/rolestore"
)

// at has c call an action at a host of ours, signed for a region; without credentials,
// unsigned.
func (w *world) at(t testing.TB, c rolestore.Credentials, host, region, action string, pairs ...string) *httptest.ResponseRecorder {
	t.Helper()
	f := form(action, pairs...)
	r := post(f)
	r.Host = host
	if c.AccessKeyID != "" {
		if err := v4.NewSigner().SignHTTP(t.Context(), sdkCredentials(c), r, hashOf(f.Encode()), service, region, w.clock()); err != nil {
			t.Fatal(err)
		}
		setLength(r)
	}
	return w.send(r)
}

// TestTheDomainHasNamesAsAWSHas: one core is the global endpoint and those of all regions.
func TestTheDomainHasNamesAsAWSHas(t *testing.T) {
	w := newWorld(t, withPeople())
	const mine, theirs, page = "", "SignatureDoesNotMatch", "AccessDenied"
	for _, test := range []struct{ host, region, code string }{
		{"sts.cloud.example", "us-east-1", mine}, {"STS.cloud.example:443", "us-east-1", mine}, {"sts.cloud.example", "eu-west-1", theirs},
		{"sts.eu-west-1.cloud.example", "eu-west-1", mine}, {"sts.eu-west-1.cloud.example:8473", "eu-west-1", mine}, {"sts.eu-west-1.cloud.example", "us-east-1", theirs},
		{"sts.eu-west-1.cloud.example", "ap-south-1", theirs}, {"sts.us-east-1.cloud.example", "us-east-1", mine},
		{"127.0.0.1:8473", "ap-south-1", mine}, {"core.example.com", "ap-south-1", mine},
		{"cloud.example", "us-east-1", page}, {"sts.eu-west-1.cloud.example.attacker.example", "eu-west-1", page}, {"sts.nowhere.cloud.example", "us-east-1", page},
		{"eu-west-1.cloud.example", "eu-west-1", page}, {"sts.a.eu-west-1.cloud.example", "eu-west-1", page}, {"sts.eu-west-1.xcloud.example", "eu-west-1", page},
	} {
		reply := w.at(t, alice, test.host, test.region, "GetCallerIdentity")
		if test.code == mine {
			answered(t, reply)
			continue
		}
		got := refused(t, reply, http.StatusForbidden, test.code)
		if test.code == theirs && got != "Credential should be scoped to a valid region, not '"+test.region+"'. " {
			t.Errorf("%s: %q", test.host, got)
		}
	}
	refused(t, w.at(t, alice, "sts.cloud.example", "us-east-1", "GetWebIdentityToken", "Audience.member.1", "a", "SigningAlgorithm", "RS256"), 400, "InvalidAction")
	answered(t, w.at(t, alice, "sts.us-east-1.cloud.example", "us-east-1", "GetWebIdentityToken", "Audience.member.1", "a", "SigningAlgorithm", "RS256"))
}

// TestWhatAnyRegionMakesIsGoodInAll, by every name.
func TestWhatAnyRegionMakesIsGoodInAll(t *testing.T) {
	w := newWorld(t, withPeople())
	hosts := map[string]string{"sts.cloud.example": "us-east-1", "sts.eu-west-1.cloud.example": "eu-west-1", "sts.ap-south-1.cloud.example": "ap-south-1", "127.0.0.1": "xx-any-1"}
	for made, region := range hosts {
		session := bought(t, w.at(t, alice, made, region, "AssumeRole", "RoleArn", roleARN(account, "target"), "RoleSessionName", "alice"))
		for host, region := range hosts {
			answered(t, w.at(t, session, host, region, "GetCallerIdentity"))
		}
	}
}

// TestARegionIsSwitchedOff: of the account whose credentials would be made, and for
// nothing but that.
func TestARegionIsSwitchedOff(t *testing.T) {
	definitions := withPeople(role("open", trustAll(""), allowAll))
	definitions.Accounts[0].InactiveRegions = []string{"eu-west-1", "ap-south-1"}
	w := newWorld(t, definitions)
	const off, on = "sts.eu-west-1.cloud.example", "sts.eu-central-1.cloud.example"
	assume := func(host, region, role string) *httptest.ResponseRecorder {
		return w.at(t, alice, host, region, "AssumeRole", "RoleArn", role, "RoleSessionName", "alice")
	}
	disabled := func(reply *httptest.ResponseRecorder) {
		t.Helper()
		const want = "STS is not activated in this region for account:" + account + ". Your account administrator can activate STS in this region using the IAM Console."
		if got := refused(t, reply, http.StatusForbidden, "RegionDisabledException"); got != want {
			t.Errorf("it says %q", got)
		}
	}
	disabled(assume(off, "eu-west-1", roleARN(account, "open")))
	disabled(assume("127.0.0.1", "ap-south-1", roleARN(account, "open")))
	disabled(w.at(t, alice, off, "eu-west-1", "GetSessionToken"))
	disabled(w.at(t, alice, off, "eu-west-1", "GetFederationToken", "Name", "bob"))
	disabled(w.at(t, rolestore.Credentials{}, off, "", "AssumeRoleWithWebIdentity", "RoleArn", roleARN(account, "web"), "RoleSessionName", callerID,
		"WebIdentityToken", w.hostToken(t, w.claims())))
	answered(t, w.at(t, alice, off, "eu-west-1", "GetCallerIdentity"))
	session := bought(t, assume(on, "eu-central-1", roleARN(account, "open")))
	answered(t, w.at(t, session, off, "eu-west-1", "GetCallerIdentity"))
	answered(t, assume(off, "eu-west-1", roleARN(other, "tagged"))) // whose account has not switched it off
	// Who may not assume a role learns nothing of the region.
	refused(t, w.at(t, carol, off, "eu-west-1", "AssumeRole", "RoleArn", roleARN(account, "web"), "RoleSessionName", "carol"), http.StatusForbidden, "AccessDenied")

	definitions.Accounts[0].InactiveRegions = nil
	if done, err := w.directory.Reconcile(definitions, true); err != nil || !strings.Contains(strings.Join(done, "\n"), "account "+account+" updated: inactive_regions") {
		t.Errorf("%v, %v", done, err)
	}
	answered(t, assume(off, "eu-west-1", roleARN(account, "open")))
}
