package sts

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awssts "github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/rolecall/rolecall/rolestore/issuer/directory"
	"github.com/rolecall/rolecall/rolestore/issuer/saml/samltest"
)

var dev = roleARN(account, "dev")

func TestTheSDKAssumesARoleWithSAML(t *testing.T) {
	w := newSAMLWorld(t)
	endpoint := serve(t, w.world)
	got, err := client(endpoint, aws.Credentials{}).AssumeRoleWithSAML(t.Context(), &awssts.AssumeRoleWithSAMLInput{
		RoleArn: aws.String(dev), PrincipalArn: aws.String(samlProviderARN), SAMLAssertion: aws.String(w.assertion(usual(dev, "SourceIdentity", "alice", "PrincipalTag:team", "red"))),
	})
	if err != nil {
		t.Fatal(err)
	}
	// The qualifier was computed by openssl, from AWS's formula.
	for _, c := range [][2]string{
		{*got.Subject, "alice"}, {*got.SubjectType, "persistent"}, {*got.Issuer, samltest.EntityID}, {*got.Audience, ownURL + "/saml"},
		{*got.NameQualifier, "XeHUFNRALyegScxWb08/i8BTjVY="}, {*got.SourceIdentity, "alice"},
		{*got.AssumedRoleUser.Arn, "arn:aws:sts::" + account + ":assumed-role/dev/alice@example.com"},
	} {
		if c[0] != c[1] {
			t.Errorf("it is %s, want %s", c[0], c[1])
		}
	}
	if !got.Credentials.Expiration.Equal(w.clock().Add(time.Hour)) {
		t.Errorf("it is good until %s", got.Credentials.Expiration)
	}
	identity, err := client(endpoint, aws.Credentials{
		AccessKeyID: *got.Credentials.AccessKeyId, SecretAccessKey: *got.Credentials.SecretAccessKey, SessionToken: *got.Credentials.SessionToken,
	}).GetCallerIdentity(t.Context(), nil)
	if err != nil || *identity.Arn != *got.AssumedRoleUser.Arn || *identity.UserId != *got.AssumedRoleUser.AssumedRoleId {
		t.Errorf("the session is %+v, %v", identity, err)
	}
}

// refusedAs wants a refusal of that code with that text in it.
func refusedAs(t *testing.T, r *httptest.ResponseRecorder, status int, code, text string) {
	t.Helper()
	if body := r.Body.String(); r.Code != status || !strings.Contains(body, "<Code>"+code+"</Code>") || !strings.Contains(body, text) {
		t.Errorf("want %d %s, %s; got %d:\n%s", status, code, text, r.Code, body)
	}
}

func TestWhatAnAssertionMustSay(t *testing.T) {
	w := newSAMLWorld(t)
	const pair = "RoleSessionName"
	role := dev + "," + samlProviderARN
	for name, c := range map[string]struct {
		attributes, text string
	}{
		"no name":               {attributes("Role", role), "RoleSessionName is required in AuthnResponse"},
		"two names":             {attributes("Role", role, pair, "alice|bob"), "RoleSessionName is required in AuthnResponse"},
		"a bad name":            {attributes("Role", role, pair, "a:b"), "RoleSessionName in AuthnResponse must match [a-zA-Z_0-9+=,.@-]{2,64}"},
		"a short name":          {attributes("Role", role, pair, "a"), "RoleSessionName in AuthnResponse must match"},
		"a bad source":          {usual(dev, "SourceIdentity", "aws:alice"), "Source Identity must match [a-zA-Z_0-9+=,.@-]{2,64} and not begin with"},
		"two sources":           {usual(dev, "SourceIdentity", "alice|bob"), "Source Identity must match"},
		"a long duration":       {usual(dev, "SessionDuration", "43201"), "SessionDuration in AuthnResponse"},
		"a strange duration":    {usual(dev, "SessionDuration", "an hour"), "SessionDuration in AuthnResponse"},
		"a tag of two values":   {usual(dev, "PrincipalTag:team", "red|blue"), "PrincipalTag:team in AuthnResponse must have one value"},
		"a tag twice":           {usual(dev, "PrincipalTag:team", "red", "PrincipalTag:team", "blue"), "PrincipalTag:team in AuthnResponse must have one value"},
		"a tag in another case": {usual(dev, "PrincipalTag:team", "red", "PrincipalTag:Team", "blue"), "The session tags in AuthnResponse are not valid"},
		"a tag of AWS's":        {usual(dev, "PrincipalTag:aws:x", "red"), "aws: is AWS's own"},
		"a bad tag":             {usual(dev, "PrincipalTag:team", "red;blue"), "The session tags in AuthnResponse are not valid"},
		"a key of no tag":       {usual(dev, "PrincipalTag:team", "red", "TransitiveTagKeys", "cost"), "The session tags in AuthnResponse are not valid"},
	} {
		t.Run(name, func(t *testing.T) {
			refusedAs(t, w.redeem(dev, w.assertion(c.attributes)), http.StatusBadRequest, "InvalidIdentityToken", c.text)
		})
	}
	if got := w.redeem(dev, w.assertion(usual(dev, "SourceIdentity", "alice", "SessionDuration", "900", "PrincipalTag:team", "red", "PrincipalTag:cost", "", "TransitiveTagKeys", "team|cost"))); got.Code != http.StatusOK || !strings.Contains(got.Body.String(), "<PackedPolicySize>") {
		t.Errorf("with all of it: %s", got.Body)
	}
	swapped := attributes("Role", roleARN(account, "x")+","+samlProviderARN+"| "+samlProviderARN+" , "+dev+" ", pair, "alice")
	if got := w.redeem(dev, w.assertion(swapped)); got.Code != http.StatusOK {
		t.Errorf("with the provider first: %s", got.Body)
	}
}

// Whoever may not have a role learns nothing of it: all these are one reply.
func TestNobodyLearnsWhichRolesThereAre(t *testing.T) {
	w := newSAMLWorld(t, role("closed", trustEC2))
	none := regexp.MustCompile(`<RequestId>[^<]*`)
	replies := map[string]bool{}
	for name, c := range map[string][2]string{
		"no such role":       {roleARN(account, "nowhere"), usual(roleARN(account, "nowhere"))},
		"a role that trusts": {roleARN(account, "closed"), usual(roleARN(account, "closed"))},
		"one not in Role":    {dev, usual(roleARN(account, "closed"))},
		"of another account": {roleARN(other, "dev"), usual(roleARN(other, "dev"))},
		"another provider":   {dev, attributes("Role", dev+",arn:aws:iam::"+account+":saml-provider/other", "RoleSessionName", "alice")},
		"no Role":            {dev, attributes("RoleSessionName", "alice")},
	} {
		got := w.redeem(c[0], w.assertion(c[1]))
		refusedAs(t, got, http.StatusForbidden, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithSAML")
		replies[none.ReplaceAllString(got.Body.String(), "")] = true
		_ = name
	}
	nameless := w.assertion(usual(dev), "<saml:NameID ", "<saml:BaseID ", "</saml:NameID>", "</saml:BaseID>")
	refusedAs(t, w.redeem(dev, nameless), http.StatusForbidden, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithSAML")
	if len(replies) != 1 {
		t.Errorf("there are %d replies: %v", len(replies), replies)
	}
}

func TestParametersOfAssumeRoleWithSAML(t *testing.T) {
	w := newSAMLWorld(t)
	good := w.assertion(usual(dev))
	for name, c := range map[string]struct {
		status     int
		code, text string
		pairs      []string
	}{
		"no assertion":        {400, "ValidationError", "Value null at 'sAMLAssertion'", []string{"SAMLAssertion", "-"}},
		"too long":            {400, "ValidationError", "less than or equal to 100000", []string{"SAMLAssertion", strings.Repeat("A", 100001)}},
		"no provider":         {400, "ValidationError", "principalArn", []string{"PrincipalArn", "-"}},
		"a bad provider":      {400, "ValidationError", "is invalid", []string{"PrincipalArn", "nothing-valid-in-here"}},
		"no such provider":    {400, "InvalidIdentityToken", "Specified provider doesn't exist", []string{"PrincipalArn", samlProviderARN + "x"}},
		"no base64":           {400, "InvalidIdentityToken", "Invalid base64 SAMLResponse", []string{"SAMLAssertion", "<Response>"}},
		"no XML":              {400, "InvalidIdentityToken", "The SAML response is not valid.", []string{"SAMLAssertion", "AAAA"}},
		"a long session":      {400, "ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.", []string{"DurationSeconds", "7201"}},
		"a short session":     {400, "ValidationError", "greater than or equal to 900", []string{"DurationSeconds", "899"}},
		"a bad policy":        {400, "MalformedPolicyDocument", "", []string{"Policy", "{}"}},
		"a policy of nowhere": {400, "ValidationError", "does not exist or is not attachable", []string{"PolicyArns.member.1.arn", "arn:aws:iam::" + account + ":policy/none"}},
		"a name":              {400, "ValidationError", "RoleSessionName is not supported", []string{"RoleSessionName", "alice"}},
	} {
		t.Run(name, func(t *testing.T) {
			refusedAs(t, w.redeem(dev, good, c.pairs...), c.status, c.code, c.text)
		})
	}
	var tags []string
	for i := range 40 {
		tags = append(tags, "PrincipalTag:"+string(rune('A'+i/26))+string(rune('a'+i%26)), noise(100))
	}
	refusedAs(t, w.redeem(dev, w.assertion(usual(dev, tags...))), http.StatusBadRequest, "PackedPolicyTooLarge", "of allotted space")
	lines := regexp.MustCompile(`.{76}`).ReplaceAllString(good, "$0\r\n")
	if got := w.redeem(dev, lines, "Policy", statement(`"Effect":"Allow","Action":"s3:*","Resource":"*"`)); got.Code != http.StatusOK {
		t.Errorf("in lines: %s", got.Body)
	}
	if strings.Contains(w.logged(), good[:64]) {
		t.Error("the log has an assertion in it")
	}
	if !strings.Contains(w.logged(), `"caller":"alice@example.com of `+samlProviderARN+`"`) {
		t.Error("the log does not say who it was")
	}
}

func TestWhatIsWrongWithAResponseIsToldAsAWSDoes(t *testing.T) {
	w := newSAMLWorld(t)
	old := w.assertion(usual(dev))
	refusedAs(t, w.redeem(dev, w.assertion(usual(dev), samltest.Audience+"</saml:Audience>", "urn:amazon:webservices</saml:Audience>")),
		http.StatusBadRequest, "InvalidIdentityToken", "Response does not contain the required audience.")
	refusedAs(t, w.redeem(dev, w.assertion(usual(dev), samltest.EntityID+"</saml:Issuer>"+samltest.OfAssertion, "urn:x</saml:Issuer>"+samltest.OfAssertion)),
		http.StatusBadRequest, "InvalidIdentityToken", "Issuer not present in specified provider")
	document, err := base64.StdEncoding.DecodeString(old)
	if err != nil {
		t.Fatal(err)
	}
	altered := base64.StdEncoding.EncodeToString([]byte(strings.Replace(string(document), ">alice@", ">mallory@", 1)))
	refusedAs(t, w.redeem(dev, altered), http.StatusBadRequest, "InvalidIdentityToken", "Response signature invalid")
	w.advance(5*time.Minute + time.Second)
	refusedAs(t, w.redeem(dev, old), http.StatusBadRequest, "ExpiredTokenException", "Token must be redeemed within 5 minutes of issuance")
	w.idp.Now = w.clock()
	past := w.clock().Add(-time.Second).Format(time.RFC3339)
	refusedAs(t, w.redeem(dev, w.assertion(usual(dev), `SubjectConfirmationData NotOnOrAfter="`, `SubjectConfirmationData NotOnOrAfter="`+past+`" x="`)),
		http.StatusBadRequest, "ExpiredTokenException", "Response has expired")
}

// A session is as short as anybody says.
func TestHowLongASessionOfAnAssertionIs(t *testing.T) {
	w := newSAMLWorld(t)
	for _, c := range []struct {
		asked, session, ends string // ends is after the start
		want                 time.Duration
	}{
		{"", "", "8h", time.Hour},
		{"7200", "", "8h", 2 * time.Hour},
		{"7200", "900", "8h", 15 * time.Minute},
		{"900", "7200", "8h", 15 * time.Minute},
		{"", "", "10m", 10 * time.Minute},
		{"", "900", "10m", 10 * time.Minute},
		{"", "43200", "", time.Hour},
	} {
		var more, pairs []string
		if c.session != "" {
			more = []string{"SessionDuration", c.session}
		}
		if c.asked != "" {
			pairs = []string{"DurationSeconds", c.asked}
		}
		from := ` SessionNotOnOrAfter="` + w.idp.Now.Add(8*time.Hour).Format("2006-01-02T15:04:05.000Z") + `"`
		to := ""
		if c.ends != "" {
			after, _ := time.ParseDuration(c.ends)
			to = ` SessionNotOnOrAfter="` + w.idp.Now.Add(after).Format(time.RFC3339) + `"`
		}
		got := w.redeem(dev, w.assertion(usual(dev, more...), from, to), pairs...)
		if want := "<Expiration>" + w.clock().Add(c.want).Format(time.RFC3339) + "<"; !strings.Contains(got.Body.String(), want) {
			t.Errorf("%+v: want %s, got %s", c, want, got.Body)
		}
	}
}

func TestTrustPoliciesSeeWhatAnAssertionSays(t *testing.T) {
	const edu, adfs = "urn:oid:1.3.6.1.4.1.5923.1.1.1.", "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"
	says := usual(dev, "SourceIdentity", "alice", "PrincipalTag:team", "red", "TransitiveTagKeys", "team",
		edu+"1", "staff|member", edu+"6", "alice@example.edu", adfs+"emailaddress", "alice@example.com", adfs+"name", `EXAMPLE\alice`,
		"http://schemas.xmlsoap.org/claims/CommonName", "Alice", "http://schemas.microsoft.com/ws/2008/06/identity/claims/primarygroupsid", "S-1-5-21-513",
		"urn:oid:2.5.4.42", "Alicia", "urn:oid:0.9.2342.19200300.100.1.1", "al")
	for condition, want := range map[string]bool{
		`"StringEquals":{"SAML:aud":"` + ownURL + `/saml"}`:                                   true,
		`"StringEquals":{"SAML:aud":"https://signin.aws.amazon.com/saml"}`:                    false,
		`"StringEquals":{"saml:iss":"` + samltest.EntityID + `"}`:                             true,
		`"StringEquals":{"saml:sub":"alice","saml:sub_type":"persistent"}`:                    true,
		`"StringEquals":{"saml:sub":"bob"}`:                                                   false,
		`"StringEquals":{"saml:doc":"` + account + `/MySAMLIdP"}`:                             true,
		`"StringEquals":{"saml:namequalifier":"XeHUFNRALyegScxWb08/i8BTjVY="}`:                true,
		`"ForAnyValue:StringEquals":{"saml:edupersonaffiliation":"member"}`:                   true,
		`"ForAllValues:StringEquals":{"saml:eduPersonAffiliation":"member"}`:                  false,
		`"ForAnyValue:StringLike":{"saml:edupersonprincipalname":"*@example.edu"}`:            true,
		`"ForAnyValue:StringEquals":{"saml:mail":"alice@example.com"}`:                        true,
		`"ForAnyValue:StringEquals":{"saml:name":"EXAMPLE\\alice"}`:                           true,
		`"ForAnyValue:StringEquals":{"saml:commonName":"Alice"}`:                              true,
		`"ForAnyValue:StringEquals":{"saml:uid":"S-1-5-21-513"}`:                              true,
		`"ForAnyValue:StringEquals":{"saml:primaryGroupSID":"S-1-5-21-513"}`:                  true,
		`"ForAnyValue:StringEquals":{"saml:givenName":"Alicia"}`:                              true,
		`"ForAnyValue:StringEquals":{"saml:surname":"Alicia"}`:                                false,
		`"StringEquals":{"sts:RoleSessionName":"alice@example.com"}`:                          true,
		`"StringEquals":{"sts:SourceIdentity":"alice","aws:RequestTag/team":"red"}`:           true,
		`"ForAllValues:StringEquals":{"sts:TransitiveTagKeys":["team"],"aws:TagKeys":"team"}`: true,
		`"StringEquals":{"aws:FederatedProvider":"` + samlProviderARN + `"}`:                  true,
	} {
		w := newSAMLWorld(t, role("when", statement(trustsSAML+`,"Condition":{`+condition+`}`)))
		when := roleARN(account, "when")
		got := w.redeem(when, w.assertion(strings.ReplaceAll(says, dev, when)))
		if (got.Code == http.StatusOK) != want {
			t.Errorf("%s: %s", condition, got.Body)
		}
	}
}

// Tags and a source identity need a permission of their own.
func TestTrustMustAllowWhatAnAssertionSets(t *testing.T) {
	bare := roleARN(account, "bare")
	w := newSAMLWorld(t, role("bare", statement(strings.Replace(trustsSAML, `,"sts:TagSession","sts:SetSourceIdentity"`, "", 1))))
	if got := w.redeem(bare, w.assertion(usual(bare))); got.Code != http.StatusOK {
		t.Fatalf("without: %s", got.Body)
	}
	for _, more := range [][]string{{"PrincipalTag:team", "red"}, {"SourceIdentity", "alice"}} {
		refusedAs(t, w.redeem(bare, w.assertion(usual(bare, more...))), http.StatusForbidden, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithSAML")
	}
}

// What a session keeps of its assertion is there for later decisions; the provider need
// not be.
func TestASessionRemembersWhoItIs(t *testing.T) {
	const condition = `,"Condition":{"StringEquals":{"saml:sub":"alice","saml:sub_type":"persistent","saml:namequalifier":"XeHUFNRALyegScxWb08/i8BTjVY=","aws:FederatedProvider":"` + samlProviderARN + `","aws:PrincipalTag/team":"red","aws:SourceIdentity":"alice"}}`
	const open = `"Effect":"Allow","Principal":{"AWS":"` + account + `"},"Action":["sts:AssumeRole","sts:SetSourceIdentity"]`
	w := newSAMLWorld(t, role("next", statement(open+condition)), role("asks", statement(open+`,"Condition":{"StringEquals":{"saml:iss":"`+samltest.EntityID+`"}}`)))
	got := w.redeem(dev, w.assertion(usual(dev, "PrincipalTag:team", "red", "SourceIdentity", "alice")))
	c := bought(t, got)
	next := func(name string) int {
		return w.send(w.signed(t, c, form("AssumeRole", "RoleArn", roleARN(account, name), "RoleSessionName", "alice"))).Code
	}
	if code := next("next"); code != http.StatusOK {
		t.Errorf("the next role: %d", code)
	}
	if code := next("asks"); code != http.StatusForbidden {
		t.Errorf("a role that asks for what no session keeps: %d", code)
	}
	definitions := standard()
	definitions.Accounts[0].Roles = append(definitions.Accounts[0].Roles, role("dev", statement(trustsSAML), allowAll))
	if _, err := w.directory.Reconcile(definitions, true); err != nil {
		t.Fatal(err)
	}
	if got := w.send(w.signed(t, c, form("GetCallerIdentity"))); got.Code != http.StatusOK {
		t.Errorf("without its provider: %s", got.Body)
	}
	refusedAs(t, w.redeem(dev, w.assertion(usual(dev))), http.StatusBadRequest, "InvalidIdentityToken", "Specified provider doesn't exist")
}

// AWS's strict form is there for who configures it, and then ours is not taken.
func TestAProviderMayTakeUsForAWS(t *testing.T) {
	w := newSAMLWorld(t)
	own := w.assertion(usual(dev))
	w.idp.Recipient, w.idp.Audience = "https://signin.aws.amazon.com/saml", "urn:amazon:webservices"
	forAWS := w.assertion(usual(dev))
	refusedAs(t, w.redeem(dev, forAWS), http.StatusBadRequest, "InvalidIdentityToken", "")
	p := directory.SAMLProviderDefinition{Name: "MySAMLIdP", MetadataDocument: samltest.Metadata(w.idp.Cert), Recipients: []string{w.idp.Recipient}, Audiences: []string{w.idp.Audience}}
	d := standard()
	d.Accounts[0].Roles = append(d.Accounts[0].Roles, role("dev", statement(trustsSAML), allowAll))
	d.Accounts[0].SAMLProviders = []directory.SAMLProviderDefinition{p}
	if _, err := w.directory.Reconcile(d, true); err != nil {
		t.Fatal(err)
	}
	if got := w.redeem(dev, forAWS); got.Code != http.StatusOK || !strings.Contains(got.Body.String(), "<Audience>https://signin.aws.amazon.com/saml<") {
		t.Errorf("for AWS: %s", got.Body)
	}
	refusedAs(t, w.redeem(dev, own), http.StatusBadRequest, "InvalidIdentityToken", "")
}

// The URL that ends in the provider's own id is ours too.
func TestARecipientWithTheProvidersID(t *testing.T) {
	w := newSAMLWorld(t)
	w.idp.Recipient = ownURL + "/saml/acs/" + w.directory.Snapshot().SAMLProvider(samlProviderARN).UniqueID
	if got := w.redeem(dev, w.assertion(usual(dev))); got.Code != http.StatusOK {
		t.Errorf("%s", got.Body)
	}
	w.idp.Recipient += "x"
	refusedAs(t, w.redeem(dev, w.assertion(usual(dev))), http.StatusBadRequest, "InvalidIdentityToken", "recipient")
}

// The CLI of Debian, with nothing changed but where it finds the service.
func TestTheCLIAssumesARoleWithSAML(t *testing.T) {
	if _, err := exec.LookPath("/usr/bin/aws"); err != nil {
		t.Skip("awscli is not installed: as root, .ci/deps does that")
	}
	w := newSAMLWorld(t)
	c := exec.CommandContext(t.Context(), "sh", "-eu", "-c", `
set -- $(/usr/bin/aws --endpoint-url "$CORE" sts assume-role-with-saml --role-arn "$ROLE" --principal-arn "$PROVIDER" --saml-assertion "$ASSERTION" --duration-seconds 900 \
	--query '[Credentials.AccessKeyId, Credentials.SecretAccessKey, Credentials.SessionToken, Subject, Audience]' --output text)
echo "$4 $5"
AWS_ACCESS_KEY_ID=$1 AWS_SECRET_ACCESS_KEY=$2 AWS_SESSION_TOKEN=$3 /usr/bin/aws --endpoint-url "$CORE" sts get-caller-identity --query Arn --output text`)
	c.Env = append(c.Environ(), "ROLE="+dev, "PROVIDER="+samlProviderARN, "ASSERTION="+w.assertion(usual(dev)), "CORE="+serve(t, w.world), "AWS_DEFAULT_REGION=eu-west-1", "AWS_PAGER=", "HOME="+t.TempDir())
	out, err := c.CombinedOutput()
	if want := "alice " + ownURL + "/saml\narn:aws:sts::" + account + ":assumed-role/dev/alice@example.com\n"; err != nil || string(out) != want {
		t.Errorf("%v\n%s\nwant %s", err, out, want)
	}
}

// What a person is refused for is explained, with the keys that his provider would set.
func TestWhyOfAPersonWhoSignsIn(t *testing.T) {
	when := roleARN(account, "when")
	w := newSAMLWorld(t, role("when", statement(trustsSAML+`,"Condition":{"StringEquals":{"saml:sub":"alice"}}`)))
	for sub, want := range map[string]string{"alice": "Allow", "bob": "ImplicitDeny", "": "ImplicitDeny"} {
		q := Question{Principal: samlProviderARN, Action: withSAML, Resource: when}
		if sub != "" {
			q.Context = map[string][]string{"saml:sub": {sub}}
		}
		answer, err := w.Why(q)
		if err != nil || answer.Effect != want || (sub == "") != slices.Equal(answer.Missing, []string{"saml:sub"}) {
			t.Errorf("%s: %+v, %v", sub, answer, err)
		}
	}
}
