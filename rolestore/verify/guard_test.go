package verify_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/rolecall/rolecall/rolestore/issuer/session"
	"github.com/rolecall/rolecall/rolestore/verify"
)

// refusal checks the code of an error.
func refusal(t testing.TB, name string, err error, code string) {
	t.Helper()
	var e *verify.Error
	if !errors.As(err, &e) || e.Code != code {
		t.Errorf("%s: %v, want %s", name, err, code)
	}
}

func TestWhoSignedARequest(t *testing.T) {
	w := newWorld(t)
	g := guard(t, w.config(t))
	tagged := func(c *session.Claims) {
		c.Tags, c.SourceIdentity = []session.Tag{{Key: "Team", Value: "red"}}, "alice@example.com"
	}
	r := w.call(t, w.session(t, account, "reader", tagged), call{method: http.MethodPost, body: "the body", header: map[string]string{"X-Signed": "  two   spaces "}})
	who, err := g.Verify(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	id := w.Directory().Snapshot().RoleByName(account, "reader").UniqueID
	if who.ARN != "arn:aws:sts::"+account+":assumed-role/reader/session" || who.IdentityARN != "arn:aws:iam::"+account+":role/reader" ||
		who.UniqueID != id || who.UserID != id+":session" || who.Account != account || who.SessionName != "session" || who.SourceIdentity != "alice@example.com" {
		t.Errorf("the caller is %+v", who)
	}
	if !who.Expires.Equal(w.clock().Add(time.Hour)) || !who.Signed.Equal(w.clock()) || who.Region != "eu-central-1" || !strings.HasPrefix(who.AccessKeyID, "ASIA") {
		t.Errorf("the caller is %+v", who)
	}
	if len(who.Tags) != 2 || who.Tags["Team"] != "red" || who.Tags["cost"] != "1" {
		t.Errorf("his tags are %v", who.Tags)
	}
	if body, _ := io.ReadAll(r.Body); string(body) != "the body" {
		t.Errorf("the handler reads %q", body)
	}
	user, err := g.Verify(w.call(t, alice, call{}), nil)
	if err != nil || user.ARN != "arn:aws:iam::"+account+":user/alice" || user.SessionName != "" || !user.Expires.IsZero() {
		t.Errorf("the user is %+v, %v", user, err)
	}
	if log := w.logged(); !strings.Contains(log, `"msg":"question answered"`) || !strings.Contains(log, who.ARN) || strings.Contains(log, r.Header.Get("X-Amz-Security-Token")) {
		t.Errorf("the log is %s", log)
	}
}

func TestWhatIsNotSignedForTheServiceIsRefused(t *testing.T) {
	w := newWorld(t)
	config := w.config(t)
	config.Window = time.Minute
	g := guard(t, config)
	reader := w.session(t, account, "reader")
	post := call{method: http.MethodPost, body: "a", header: map[string]string{"X-Signed": "1"}}
	ended := w.session(t, account, "reader", func(c *session.Claims) { c.Expires = c.Issued.Add(time.Second) })
	tampered := func(change func(*http.Request)) *http.Request {
		r := w.call(t, reader, post)
		change(r)
		return r
	}
	w.advance(2 * time.Second)
	for name, test := range map[string]struct {
		r    *http.Request
		code string
	}{
		"another host":            {w.call(t, reader, call{url: "https://other.example.com/"}), "SignatureDoesNotMatch"},
		"another service":         {w.call(t, reader, call{service: "sts"}), "SignatureDoesNotMatch"},
		"another region":          {w.call(t, reader, call{region: "us-east-1"}), "SignatureDoesNotMatch"},
		"too long ago":            {w.call(t, reader, call{at: -2 * time.Minute}), "RequestExpired"},
		"in the future":           {w.call(t, reader, call{at: 2 * time.Minute}), "RequestExpired"},
		"long ago":                {w.call(t, reader, call{at: -time.Hour}), "SignatureDoesNotMatch"},
		"a session that is over":  {w.call(t, ended, call{}), "ExpiredToken"},
		"a session of nobody's":   {w.call(t, aws.Credentials{AccessKeyID: reader.AccessKeyID, SecretAccessKey: "x", SessionToken: "x"}, call{}), "InvalidClientTokenId"},
		"a secret that is wrong":  {w.call(t, aws.Credentials{AccessKeyID: reader.AccessKeyID, SecretAccessKey: "x", SessionToken: reader.SessionToken}, call{}), "SignatureDoesNotMatch"},
		"no signature":            {tampered(func(r *http.Request) { r.Header.Del("Authorization") }), "MissingAuthenticationToken"},
		"another body":            {tampered(func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader("b")) }), "SignatureDoesNotMatch"},
		"another path":            {tampered(func(r *http.Request) { r.URL.Path = "/red/7" }), "SignatureDoesNotMatch"},
		"another query":           {tampered(func(r *http.Request) { r.URL.RawQuery = "a=1" }), "SignatureDoesNotMatch"},
		"another method":          {tampered(func(r *http.Request) { r.Method = http.MethodPut }), "SignatureDoesNotMatch"},
		"another signed header":   {tampered(func(r *http.Request) { r.Header.Set("X-Signed", "2") }), "SignatureDoesNotMatch"},
		"a signed header is gone": {tampered(func(r *http.Request) { r.Header.Del("X-Signed") }), "SignatureDoesNotMatch"},
		"two signatures":          {tampered(func(r *http.Request) { r.Header.Add("Authorization", r.Header.Get("Authorization")) }), "IncompleteSignature"},
		"host is not signed":      {tampered(func(r *http.Request) { unsign(r, "host;") }), "SignatureDoesNotMatch"},
		"too large a body":        {tampered(func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader(strings.Repeat("x", 1<<20+1))) }), "RequestEntityTooLarge"},
	} {
		_, err := g.Verify(test.r, nil)
		refusal(t, name, err, test.code)
	}
	if _, err := g.Verify(w.call(t, reader, post), nil); err != nil {
		t.Errorf("a sound one: %v", err)
	}
}

// unsign takes a header out of those that are signed.
func unsign(r *http.Request, name string) {
	r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), name, "", 1))
}

func TestTheCoreDecides(t *testing.T) {
	w := newWorld(t)
	g := guard(t, w.config(t))
	const blue = "arn:aws:reports::" + account + ":blue/7"
	grant := `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + other + `:role/reader"},"Action":"reports:GetReport","Resource":"*"}}`
	only := `{"Version":"2012-10-17","Statement":{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*","Condition":{"StringNotEquals":{"reports:Owner":"bob"}}}}`
	for name, test := range map[string]struct {
		account, role string
		matter        verify.Matter
		want          string // the end of the refusal; empty if allowed
	}{
		"his team's":            {account, "reader", verify.Matter{Action: "reports:GetReport", Resource: "arn:aws:reports:::blue/7", Owner: account}, ""},
		"another team's":        {account, "reader", verify.Matter{Action: "reports:GetReport", Resource: "arn:aws:reports:::red/7", Owner: account}, "because no identity-based policy allows the reports:GetReport action"},
		"another action":        {account, "reader", verify.Matter{Action: "reports:PutReport", Resource: "arn:aws:reports:::blue/7", Owner: account}, "because no identity-based policy allows the reports:PutReport action"},
		"nothing allowed":       {account, "plain", verify.Matter{Action: "reports:GetReport", Resource: blue}, "because no identity-based policy allows"},
		"another account's":     {other, "reader", verify.Matter{Action: "reports:GetReport", Resource: blue}, "because no resource-based policy allows"},
		"granted by the other":  {other, "reader", verify.Matter{Action: "reports:GetReport", Resource: blue, Policy: grant}, ""},
		"denied by a key":       {other, "reader", verify.Matter{Action: "reports:GetReport", Resource: "arn:aws:reports::" + other + ":7", Policy: only}, "with an explicit deny in a resource-based policy"},
		"a key of the service":  {other, "reader", verify.Matter{Action: "reports:GetReport", Resource: "arn:aws:reports::" + other + ":7", Policy: only, Context: map[string][]string{"reports:Owner": {"bob"}}}, ""},
		"not over TLS":          {account, "careful", verify.Matter{Action: "reports:GetReport", Resource: blue}, "with an explicit deny in an identity-based policy"},
		"over TLS at the proxy": {account, "careful", verify.Matter{Action: "reports:GetReport", Resource: blue, Context: map[string][]string{"AWS:SecureTransport": {"true"}}}, ""},
	} {
		who, err := g.Verify(w.call(t, w.session(t, test.account, test.role), call{}), &test.matter)
		switch {
		case test.want == "" && (err != nil || who == nil):
			t.Errorf("%s: %v", name, err)
		case test.want != "":
			refusal(t, name, err, "AccessDenied")
			if err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("%s: %v, want %s", name, err, test.want)
			}
		}
	}
}

// TestAServiceThatGivesOutBearerTokens asks for AWS's permission to have them
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_bearer.html).
func TestAServiceThatGivesOutBearerTokens(t *testing.T) {
	w := newWorld(t)
	g := guard(t, w.config(t))
	token := func(service, seconds string) *verify.Matter {
		return &verify.Matter{Action: "sts:GetServiceBearerToken", Resource: "*", Context: map[string][]string{"sts:AWSServiceName": {service}, "sts:DurationSeconds": {seconds}}}
	}
	bearer := w.session(t, account, "bearer")
	if _, err := g.Verify(w.call(t, bearer, call{}), token("reports", "3600")); err != nil {
		t.Error(err)
	}
	for name, m := range map[string]*verify.Matter{"of another service": token("billing", "3600"), "for longer": token("reports", "3601")} {
		_, err := g.Verify(w.call(t, bearer, call{}), m)
		refusal(t, name, err, "AccessDenied")
	}
	_, err := g.Verify(w.call(t, w.session(t, account, "reader"), call{}), token("reports", "60"))
	refusal(t, "who has no permission", err, "AccessDenied")
}

// TestAServiceSaysOnlyWhatItKnows: what policies ask about the caller comes from the core.
func TestAServiceSaysOnlyWhatItKnows(t *testing.T) {
	w := newWorld(t)
	g := guard(t, w.config(t))
	delivered := func(c *session.Claims) { c.Context = []session.Fact{{Key: "ec2:RoleDelivery", Value: "1.0"}} }
	for _, m := range []verify.Matter{
		{Action: "reports:GetReport", Resource: "*", Context: map[string][]string{"aws:PrincipalTag/team": {"red"}}},
		{Action: "reports:GetReport", Resource: "*", Context: map[string][]string{"AWS:MultiFactorAuthPresent": {"true"}}},
		{Action: "reports:GetReport", Resource: "*", Context: map[string][]string{"ec2:roledelivery": {"2.0"}}},
		{Action: "reports:GetReport", Resource: "*", Context: map[string][]string{"reports:A": {"1"}, "reports:a": {"2"}}},
		{Action: "reports:GetReport", Resource: "*", Context: map[string][]string{"reports:A": {}}},
		{Action: "GetReport", Resource: "*"}, {Action: "reports:GetReport", Resource: "7"}, {Action: "reports:GetReport", Resource: ""},
		{Action: "reports:GetReport", Resource: "*", Policy: `{"Statement":[]}`},
	} {
		_, err := g.Verify(w.call(t, w.session(t, account, "reader", delivered), call{}), &m)
		refusal(t, m.Action, err, "ServiceUnavailable") // the fault is the service's own
		if err == nil || !strings.Contains(err.Error(), "status 400") || !strings.Contains(err.Error(), "authorize.") {
			t.Errorf("%+v: %v", m, err)
		}
	}
}

// TestTheCoreAnswersWhomItKnows: a service needs credentials and permission.
func TestTheCoreAnswersWhomItKnows(t *testing.T) {
	w := newWorld(t)
	reader := w.session(t, account, "reader")
	matter := &verify.Matter{Action: "reports:GetReport", Resource: "arn:aws:reports::" + account + ":blue/7"}
	for name, test := range map[string]struct {
		credentials aws.Credentials
		service     string
		matter      *verify.Matter
		want        string
	}{
		"no permission":         {w.session(t, account, "plain"), "reports", nil, "rolecall:VerifyRequest"},
		"of another service":    {w.session(t, account, "service"), "billing", nil, ":service/billing"},
		"no decisions":          {w.session(t, account, "knows"), "reports", matter, "rolecall:AuthorizeRequest"},
		"credentials of nobody": {aws.Credentials{AccessKeyID: "ASIAZZZZZZZZZZZZZZZZ", SecretAccessKey: "x", SessionToken: "x"}, "reports", nil, "InvalidClientTokenId"},
	} {
		c := w.config(t)
		c.Credentials, c.Service = provide(test.credentials), test.service
		_, err := guard(t, c).Verify(w.call(t, reader, call{service: test.service}), test.matter)
		refusal(t, name, err, "ServiceUnavailable")
		if err == nil || !strings.Contains(err.Error(), "status 403") || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %s", name, err, test.want)
		}
	}
	c := w.config(t)
	c.Credentials = provide(w.session(t, account, "knows"))
	if _, err := guard(t, c).Verify(w.call(t, reader, call{}), nil); err != nil {
		t.Errorf("who may only verify: %v", err)
	}
	c = w.config(t)
	g := guard(t, c)
	w.Server.Close()
	_, err := g.Verify(w.call(t, reader, call{}), nil)
	refusal(t, "the core is away", err, "ServiceUnavailable")
}

func TestANonceIsTakenOnce(t *testing.T) {
	w := newWorld(t)
	c := w.config(t)
	c.Nonce = "X-Request-Id"
	g := guard(t, c)
	reader := w.session(t, account, "reader")
	first := w.call(t, reader, call{header: map[string]string{"X-Request-Id": "1"}})
	if _, err := g.Verify(first.Clone(t.Context()), nil); err != nil {
		t.Fatal(err)
	}
	for range 3 { // for as long as it is good
		_, err := g.Verify(first.Clone(t.Context()), nil)
		refusal(t, "again", err, "RequestReplayed")
		w.advance(5 * time.Minute)
	}
	if _, err := g.Verify(w.call(t, reader, call{header: map[string]string{"X-Request-Id": "2"}}), nil); err != nil {
		t.Errorf("the next: %v", err)
	}
	unsigned := w.call(t, reader, call{})
	unsigned.Header.Set("X-Request-Id", "3")
	_, err := g.Verify(unsigned, nil)
	refusal(t, "not signed", err, "IncompleteSignature")
	_, err = g.Verify(w.call(t, reader, call{}), nil)
	refusal(t, "none", err, "IncompleteSignature")
	_, err = g.Verify(w.call(t, reader, call{header: map[string]string{"X-Request-Id": strings.Repeat("x", 129)}}), nil)
	refusal(t, "too long", err, "IncompleteSignature")
}

func TestProtect(t *testing.T) {
	w := newWorld(t)
	c := w.config(t)
	var failed error
	c.Failed = func(_ *http.Request, err error) { failed = err }
	protected := guard(t, c).Protect(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		_ = json.NewEncoder(out).Encode(verify.Caller(r.Context()))
	}), func(r *http.Request) *verify.Matter {
		return &verify.Matter{Action: "reports:GetReport", Resource: "arn:aws:reports:::" + strings.TrimPrefix(r.URL.Path, "/"), Owner: account}
	})
	reply := httptest.NewRecorder()
	protected.ServeHTTP(reply, w.call(t, w.session(t, account, "reader"), call{}))
	if reply.Code != http.StatusOK || !strings.Contains(reply.Body.String(), "assumed-role/reader/session") {
		t.Errorf("who may: %d %s", reply.Code, reply.Body)
	}
	reply = httptest.NewRecorder()
	protected.ServeHTTP(reply, w.call(t, w.session(t, account, "plain"), call{}))
	if reply.Code != http.StatusForbidden || reply.Header().Get("X-Amzn-Errortype") != "AccessDenied" || !strings.Contains(reply.Body.String(), "is not authorized to perform: reports:GetReport") || failed == nil {
		t.Errorf("who may not: %d %v %s", reply.Code, reply.Header(), reply.Body)
	}
	if verify.Caller(t.Context()) != nil {
		t.Error("somebody is the caller of nothing")
	}
}

func TestNewNamesWhatIsMissing(t *testing.T) {
	w := newWorld(t)
	for want, change := range map[string]func(*verify.Config){
		"Core":        func(c *verify.Config) { c.Core = "sts.example.com" },
		"a path":      func(c *verify.Config) { c.Core += "/path" },
		"Credentials": func(c *verify.Config) { c.Credentials = nil },
		"Now":         func(c *verify.Config) { c.Now = nil },
		"Service":     func(c *verify.Config) { c.Service = "" },
		"Hosts":       func(c *verify.Config) { c.Hosts = nil },
		"Window":      func(c *verify.Config) { c.Window = time.Hour },
	} {
		c := w.config(t)
		change(&c)
		if _, err := verify.New(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}
