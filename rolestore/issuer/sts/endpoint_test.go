package sts

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/rolestore"
	"github.com/rolecall/rolecall/rolestore/issuer/caller"
	"github.com/rolecall/rolecall/rolestore/issuer/policy"
)

const vpce = "vpce-0123456789abcdef0"

// through has c call an action through an endpoint with the policy; unsigned without
// credentials.
func (w *world) through(t testing.TB, document string, c rolestore.Credentials, action string, pairs ...string) *httptest.ResponseRecorder {
	t.Helper()
	d, err := policy.Parse(policy.Resource, []byte(document))
	if err != nil {
		t.Fatal(err)
	}
	e := &caller.Endpoint{ID: vpce, Policy: policy.Policy{Name: "endpoint", Document: d}}
	f := form(action, pairs...)
	r := post(f)
	r.RemoteAddr = "10.1.2.3:4567"
	if c.AccessKeyID != "" {
		r = sign(t, r, f.Encode(), c, w.clock())
	}
	return w.send(r.WithContext(e.Through(t.Context())))
}

func TestAnEndpointNarrowsWhatMayBeAsked(t *testing.T) {
	w := newWorld(t, withPeople())
	everything := statement(`"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"`)
	assume := []string{"RoleArn", roleARN(account, "target"), "RoleSessionName", "alice"}
	const none, denied = " because no VPC endpoint policy allows the sts:AssumeRole action", " with an explicit deny in a VPC endpoint policy"
	for name, test := range map[string]struct {
		document, want string
	}{
		"everything":          {everything, ""},
		"this role":           {statement(`"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole","Resource":"` + roleARN(account, "target") + `"`), ""},
		"another role":        {statement(`"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole","Resource":"` + roleARN(account, "deep") + `"`), none},
		"another action":      {statement(`"Effect":"Allow","Principal":"*","Action":"sts:GetCallerIdentity","Resource":"*"`), none},
		"his account":         {statement(`"Effect":"Allow","Principal":{"AWS":"` + account + `"},"Action":"sts:*","Resource":"*"`), ""},
		"himself":             {statement(`"Effect":"Allow","Principal":{"AWS":"` + aliceARN + `"},"Action":"sts:*","Resource":"*"`), ""},
		"another account":     {statement(`"Effect":"Allow","Principal":{"AWS":"` + other + `"},"Action":"sts:*","Resource":"*"`), none},
		"denied":              {`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"},{"Effect":"Deny","Principal":"*","Action":"sts:AssumeRole","Resource":"*"}]}`, denied},
		"from there":          {statement(`"Effect":"Allow","Principal":"*","Action":"*","Resource":"*","Condition":{"IpAddress":{"aws:VpcSourceIp":"10.1.2.0/24"},"StringEquals":{"aws:SourceVpce":"` + vpce + `"},"Null":{"aws:SourceIp":"true"}}`), ""},
		"from somewhere else": {statement(`"Effect":"Allow","Principal":"*","Action":"*","Resource":"*","Condition":{"IpAddress":{"aws:VpcSourceIp":"10.2.0.0/16"}}`), none},
	} {
		reply := w.through(t, test.document, alice, "AssumeRole", assume...)
		if test.want == "" {
			answered(t, reply)
			continue
		}
		if got := refused(t, reply, http.StatusForbidden, "AccessDenied"); !strings.HasPrefix(got, "User: "+aliceARN) || !strings.HasSuffix(got, test.want) {
			t.Errorf("%s: %q", name, got)
		}
	}
	// It gives nobody what his own policies do not.
	refused(t, w.through(t, everything, carol, "AssumeRole", "RoleArn", roleARN(account, "web"), "RoleSessionName", "carol"), http.StatusForbidden, "AccessDenied")
	// What no policy of the caller's can deny an endpoint's can.
	nothing := statement(`"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole","Resource":"*"`)
	refused(t, w.through(t, nothing, alice, "GetCallerIdentity"), http.StatusForbidden, "AccessDenied")
}

// TestAnEndpointForStrangers: of an action without a signature nobody is known.
func TestAnEndpointForStrangers(t *testing.T) {
	w := newWorld(t, standard())
	redeem := func(document string) *httptest.ResponseRecorder {
		return w.through(t, document, rolestore.Credentials{}, "AssumeRoleWithWebIdentity", "RoleArn", roleARN(account, "web"), "RoleSessionName", callerID, "WebIdentityToken", w.hostToken(t, w.claims()))
	}
	answered(t, redeem(statement(`"Effect":"Allow","Principal":"*","Action":"sts:AssumeRoleWithWebIdentity","Resource":"`+roleARN(account, "web")+`","Condition":{"StringEquals":{"aws:SourceVpce":"`+vpce+`"}}`)))
	for _, document := range []string{
		statement(`"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole","Resource":"*"`),
		statement(`"Effect":"Allow","Principal":{"AWS":"` + account + `"},"Action":"*","Resource":"*"`),
	} {
		if got := refused(t, redeem(document), http.StatusForbidden, "AccessDenied"); got != "Not authorized to perform sts:AssumeRoleWithWebIdentity" {
			t.Errorf("it says %q", got)
		}
	}
	if log := w.logged(); !strings.Contains(log, "because no VPC endpoint policy allows the sts:AssumeRoleWithWebIdentity action at "+vpce) {
		t.Errorf("the log is %s", log)
	}
}
