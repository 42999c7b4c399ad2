package sts

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/rolestore/issuer/query"
)

// unescaped undoes the escapes of XML that messages of the tests have.
var unescaped = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&")

func TestParametersHaveTheModelsBounds(t *testing.T) {
	w := newWorld(t, standard())
	c := w.session(t, account, "web")
	const pattern = `Member must satisfy regular expression pattern: [\w+=,.@-]*`
	one := func(s string) string { return "1 validation error detected: " + s }
	nameValue := func(v string) string {
		return "Value '" + v + "' at 'roleSessionName' failed to satisfy constraint: "
	}
	for _, test := range []struct {
		name, parameter, value, message string // no message: it is accepted
	}{
		{"a session name with a colon", "RoleSessionName", "Session1:2", one(nameValue("Session1:2") + pattern)},
		{"a session name that is not ASCII", "RoleSessionName", "Köln", one(nameValue("Köln") + pattern)},
		{"a session name with a line's end", "RoleSessionName", "alice\n", one(nameValue("alice\n") + pattern)},
		{"a session name of all that it may have", "RoleSessionName", "aZ09_+=,.@-", ""},
		{"a session name of one character", "RoleSessionName", "a", one(nameValue("a") + "Member must have length greater than or equal to 2")},
		{"an empty session name", "RoleSessionName", "", one(nameValue("") + "Member must have length greater than or equal to 2")},
		{"a session name of 64 characters", "RoleSessionName", strings.Repeat("a", 64), ""},
		{"a session name of 65 characters", "RoleSessionName", strings.Repeat("a", 65),
			one(nameValue(strings.Repeat("a", 65)) + "Member must have length less than or equal to 64")},
		{"a session name of one forbidden character", "RoleSessionName", "/",
			"2 validation errors detected: " + nameValue("/") + pattern + "; " + nameValue("/") + "Member must have length greater than or equal to 2"},

		{"a role that is too short", "RoleArn", "arn:aws:iam::1:role", one("Value 'arn:aws:iam::1:role' at 'roleArn' failed to satisfy constraint: Member must have length greater than or equal to 20")},
		{"a role that is too long", "RoleArn", "arn:aws:iam::1:" + strings.Repeat("a", 2048),
			one("Value 'arn:aws:iam::1:" + strings.Repeat("a", 2048) + "' at 'roleArn' failed to satisfy constraint: Member must have length less than or equal to 2048")},
		{"a role that is no ARN", "RoleArn", "nothing-valid-in-here", "nothing-valid-in-here is invalid"},
		{"a role without a service", "RoleArn", "arn::b:::something/test-role", "arn::b:::something/test-role is invalid"},
		{"a role without a partition", "RoleArn", "arn:a::::aaaaaaaaaaaaaaaa", "arn:a::::aaaaaaaaaaaaaaaa is invalid"},
		{"a role with an empty resource", "RoleArn", "arn:a:a::aaaaaaaaaa:", "arn:a:a::aaaaaaaaaa: is invalid"},

		{"an external id of two characters", "ExternalId", "x1", ""},
		{"an external id of all that it may have", "ExternalId", `aZ09_+=,.@:/-`, ""},
		{"an external id of one character", "ExternalId", "x", one("Value 'x' at 'externalId' failed to satisfy constraint: Member must have length greater than or equal to 2")},
		{"an external id of 1,224 characters", "ExternalId", strings.Repeat("x", 1224), ""},
		{"an external id of 1,225 characters", "ExternalId", strings.Repeat("x", 1225),
			one("Value '" + strings.Repeat("x", 1225) + "' at 'externalId' failed to satisfy constraint: Member must have length less than or equal to 1224")},
		{"an external id with a space", "ExternalId", "x 1", one(`Value 'x 1' at 'externalId' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@:\/-]*`)},

		{"899 seconds", "DurationSeconds", "899", one("Value '899' at 'durationSeconds' failed to satisfy constraint: Member must have value greater than or equal to 900")},
		{"900 seconds", "DurationSeconds", "900", ""},
		{"43201 seconds", "DurationSeconds", "43201", one("Value '43201' at 'durationSeconds' failed to satisfy constraint: Member must have value less than or equal to 43200")},
		{"a negative duration", "DurationSeconds", "-900", one("Value '-900' at 'durationSeconds' failed to satisfy constraint: Member must have value greater than or equal to 900")},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := form("AssumeRole", "RoleArn", roleARN(account, "target"), "RoleSessionName", "alice", test.parameter, test.value)
			reply := w.send(w.signed(t, c, f))
			if test.message == "" {
				answered(t, reply)
				return
			}
			body := strings.ReplaceAll(reply.Body.String(), "\n", "␤")
			if want := "<Message>" + test.message + "</Message>"; !strings.Contains(unescaped.Replace(body), strings.ReplaceAll(want, "\n", "␤")) ||
				reply.Code != http.StatusBadRequest || !strings.Contains(body, "<Code>ValidationError</Code>") {
				t.Errorf("got %d %s", reply.Code, reply.Body)
			}
		})
	}
}

// The bounds of the other actions' parameters, one beyond each of them.
func TestTheParametersOfOtherActionsHaveTheModelsBounds(t *testing.T) {
	w := newWorld(t, withPeople())
	a := func(n int) string { return strings.Repeat("a", n) }
	const atLeast, atMost = "have length greater than or equal to ", "have length less than or equal to "
	const valueAtLeast, valueAtMost = "have value greater than or equal to ", "have value less than or equal to "
	const pattern = "satisfy regular expression pattern: "
	arn := "arn:aws:iam::aws:policy/"
	for _, test := range []struct{ action, parameter, value, name, member string }{
		{"GetSessionToken", "DurationSeconds", "899", "durationSeconds", valueAtLeast + "900"},
		{"GetSessionToken", "DurationSeconds", "129601", "durationSeconds", valueAtMost + "129600"},
		{"GetSessionToken", "SerialNumber", a(8), "serialNumber", atLeast + "9"},
		{"GetSessionToken", "SerialNumber", a(257), "serialNumber", atMost + "256"},
		{"GetSessionToken", "SerialNumber", a(9) + "!", "serialNumber", pattern + `[\w+=/:,.@-]*`},
		{"GetSessionToken", "TokenCode", "12345", "tokenCode", atLeast + "6"},
		{"GetSessionToken", "TokenCode", "1234567", "tokenCode", atMost + "6"},
		{"GetFederationToken", "DurationSeconds", "899", "durationSeconds", valueAtLeast + "900"},
		{"GetFederationToken", "Name", "b", "name", atLeast + "2"},
		{"GetFederationToken", "Name", "b b", "name", pattern + `[\w+=,.@-]*`},
		{"GetFederationToken", "Policy", "", "policy", atLeast + "1"},
		{"GetFederationToken", "Policy", a(2049), "policy", atMost + "2048"},
		{"GetFederationToken", "Policy", "\u0100", "policy", pattern + `[\u0009\u000A\u000D\u0020-\u00FF]+`},
		{"GetFederationToken", "PolicyArns.member.1.arn", arn + a(2048), "policyArns.1.member.arn", atMost + "2048"},
		{"AssumeRole", "TransitiveTagKeys.member.1", a(129), "transitiveTagKeys.1.member", atMost + "128"},
		{"AssumeRole", "Tags.member.1.Key", "", "tags.1.member.key", atLeast + "1"},
		{"AssumeRole", "Tags.member.1.Key", a(129), "tags.1.member.key", atMost + "128"},
		{"AssumeRole", "SourceIdentity", a(65), "sourceIdentity", atMost + "64"},
		{"GetAccessKeyInfo", "AccessKeyId", a(15), "accessKeyId", atLeast + "16"},
		{"GetAccessKeyInfo", "AccessKeyId", a(129), "accessKeyId", atMost + "128"},
		{"GetAccessKeyInfo", "AccessKeyId", a(16) + "-", "accessKeyId", pattern + `[\w]*`},
		{"DecodeAuthorizationMessage", "EncodedMessage", "", "encodedMessage", atLeast + "1"},
		{"DecodeAuthorizationMessage", "EncodedMessage", a(10241), "encodedMessage", atMost + "10240"},
		{"GetWebIdentityToken", "Audience.member.1", a(1001), "audience.1.member", atMost + "1000"},
		{"GetWebIdentityToken", "SigningAlgorithm", "RS2560", "signingAlgorithm", atMost + "5"},
		{"GetWebIdentityToken", "DurationSeconds", "59", "durationSeconds", valueAtLeast + "60"},
		{"GetWebIdentityToken", "DurationSeconds", "3601", "durationSeconds", valueAtMost + "3600"},
		{"AssumeRoot", "TargetPrincipal", "1234567890", "targetPrincipal", atLeast + "12"},
		{"AssumeRoot", "TargetPrincipal", a(2049), "targetPrincipal", atMost + "2048"},
		{"AssumeRoot", "TaskPolicyArn.arn", arn[:19], "taskPolicyArn.arn", atLeast + "20"},
		{"AssumeRoot", "DurationSeconds", "-1", "durationSeconds", valueAtLeast + "0"},
		{"AssumeRoot", "DurationSeconds", "901", "durationSeconds", valueAtMost + "900"},
	} {
		got := refused(t, w.call(t, alice, test.action, test.parameter, test.value), 400, "ValidationError")
		if want := "' at '" + test.name + "' failed to satisfy constraint: Member must " + test.member; !strings.Contains(unescaped.Replace(got)+";", want+";") {
			t.Errorf("%s: %s of %d characters: %.300s\nwant %s", test.action, test.parameter, len(test.value), got, want)
		}
	}
	audiences := []string{"SigningAlgorithm", "RS256"}
	for i := range 11 {
		audiences = append(audiences, "Audience.member."+strconv.Itoa(i+1), "a")
	}
	answered(t, w.call(t, alice, "GetWebIdentityToken", audiences[:22]...))
	refused(t, w.call(t, alice, "GetWebIdentityToken", audiences...), 400, "ValidationError")
}

func TestADurationMustBeAnInteger(t *testing.T) {
	w := newWorld(t, standard())
	for _, text := range []string{"", "x", "900.0", "9e2", " 900", "0x384", "4294968196", "99999999999999999999"} {
		f := form("AssumeRole", "RoleArn", roleARN(account, "target"), "RoleSessionName", "alice", "DurationSeconds", text)
		refused(t, w.send(w.signed(t, w.session(t, account, "web"), f)), http.StatusBadRequest, "MalformedInput")
	}
}

func TestBoundsCountCharactersAndNotBytes(t *testing.T) {
	w := newWorld(t, standard())
	arn := roleARN(account, "")
	arn += strings.Repeat("ö", 2048-len(arn))
	f := form("AssumeRole", "RoleArn", arn, "RoleSessionName", "alice")
	refused(t, w.send(w.signed(t, w.session(t, account, "web"), f)), http.StatusForbidden, "AccessDenied")
}

func TestAllViolationsAreReportedAtOnce(t *testing.T) {
	w := newWorld(t, standard())
	got := refused(t, w.send(w.signed(t, w.session(t, account, "web"), form("AssumeRole", "RoleSessionName", "a", "DurationSeconds", "1"))),
		http.StatusBadRequest, "ValidationError")
	const want = "3 validation errors detected: " +
		"Value null at 'roleArn' failed to satisfy constraint: Member must not be null; " +
		"Value 'a' at 'roleSessionName' failed to satisfy constraint: Member must have length greater than or equal to 2; " +
		"Value '1' at 'durationSeconds' failed to satisfy constraint: Member must have value greater than or equal to 900"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	// A violation comes before what is wrong with an ARN of the right length.
	f := form("AssumeRole", "RoleArn", "nothing-valid-in-here", "RoleSessionName", "a")
	got = refused(t, w.send(w.signed(t, w.session(t, account, "web"), f)), http.StatusBadRequest, "ValidationError")
	if !strings.HasPrefix(got, "1 validation error detected: Value 'a' at 'roleSessionName'") {
		t.Errorf("got %s", got)
	}
}

func TestParametersThatAreNotKnownAreRefused(t *testing.T) {
	w := newWorld(t, standard())
	c := w.session(t, account, "web")
	for _, value := range []string{"x", ""} {
		for _, parameter := range []string{"ProvidedContexts.member.2.ProviderArn", "ProviderId", "OfALaterModel", "policy", "Action.member.1",
			"Tags.member.2.Key", "Tags.x", "PolicyArns.member.0.arn", "PolicyArns.member.1.Arn", "TransitiveTagKeys.1"} {
			want := strings.SplitN(parameter, ".", 2)[0] + " is not supported by this service."
			f := form("AssumeRole", "RoleArn", roleARN(account, "target"), "RoleSessionName", "alice", parameter, value)
			if got := refused(t, w.send(w.signed(t, c, f)), http.StatusBadRequest, "ValidationError"); got != want {
				t.Errorf("AssumeRole: %q", got)
			}
		}
		for _, parameter := range []string{"ProvidedContexts.member.1.ProviderArn", "Tags.member.1.Key", "SerialNumber", "SourceIdentity"} {
			want := strings.SplitN(parameter, ".", 2)[0] + " is not supported by this service."
			f := form("AssumeRoleWithWebIdentity", "RoleArn", roleARN(account, "web"), "RoleSessionName", callerID,
				"WebIdentityToken", w.hostToken(t, w.claims()), parameter, value)
			if got := refused(t, w.send(post(f)), http.StatusBadRequest, "ValidationError"); got != want {
				t.Errorf("AssumeRoleWithWebIdentity: %q", got)
			}
		}
	}
}

// TestProvidedContextsAreRefused shows the model's bounds too.
func TestProvidedContextsAreRefused(t *testing.T) {
	w := newWorld(t, standard())
	const provider, assertion = "ProvidedContexts.member.1.ProviderArn", "ProvidedContexts.member.1.ContextAssertion"
	six := []string{}
	for i := range 6 {
		six = append(six, "ProvidedContexts.member."+strconv.Itoa(i+1)+".ContextAssertion", "signed")
	}
	for _, test := range []struct {
		pairs []string
		want  string
	}{
		{[]string{provider, "arn:aws:iam::aws:contextProvider/IdentityCenter", assertion, "signed"}, "ProvidedContexts is not supported by this service."},
		{[]string{provider, "arn:aws", assertion, "x"}, "2 validation errors detected: Value 'arn:aws' at 'providedContexts.1.member.providerArn' failed to satisfy constraint: Member must have length greater than or equal to 20; " +
			"Value '***' at 'providedContexts.1.member.contextAssertion' failed to satisfy constraint: Member must have length greater than or equal to 4"},
		{[]string{assertion, strings.Repeat("x", 2049)}, "1 validation error detected: Value '***' at 'providedContexts.1.member.contextAssertion' failed to satisfy constraint: Member must have length less than or equal to 2048"},
		{six, "1 validation error detected: Value '[6 members]' at 'providedContexts' failed to satisfy constraint: Member must have length less than or equal to 5"},
	} {
		f := form("AssumeRole", append([]string{"RoleArn", roleARN(account, "target"), "RoleSessionName", "alice"}, test.pairs...)...)
		if got := refused(t, w.send(w.signed(t, w.session(t, account, "web"), f)), http.StatusBadRequest, "ValidationError"); got != test.want {
			t.Errorf("got  %s\nwant %s", got, test.want)
		}
	}
}

func TestANarrowingParameterIsSeenWhereverItStands(t *testing.T) {
	w := newWorld(t, standard())
	f := form("AssumeRole", "RoleArn", roleARN(account, "target"), "RoleSessionName", "alice")
	r := post(f)
	r.URL.RawQuery = "Policy=x"
	refused(t, w.send(sign(t, r, f.Encode(), w.session(t, account, "web"), w.clock())), http.StatusBadRequest, "MalformedPolicyDocument")
}

func TestAnEmptyListNarrowsNothing(t *testing.T) {
	w := newWorld(t, standard())
	f := form("AssumeRole", "RoleArn", roleARN(account, "target"), "RoleSessionName", "alice")
	for _, list := range []string{"PolicyArns", "Tags", "TransitiveTagKeys", "ProvidedContexts"} {
		f.Set(list, "") // as botocore sends one
	}
	answered(t, w.send(w.signed(t, w.session(t, account, "web"), f)))
	f.Set("Tags", "x")
	refused(t, w.send(w.signed(t, w.session(t, account, "web"), f)), http.StatusBadRequest, "ValidationError")
}

func TestAPresignedAssumeRoleHasItsSignatureAmongTheParameters(t *testing.T) {
	w := newWorld(t, standard())
	f := url.Values{"RoleArn": {roleARN(account, "target")}, "RoleSessionName": {"alice"}, "Action": {"AssumeRole"}, "Version": {version}}
	answered(t, w.send(w.presigned(t, w.session(t, account, "web"), f)))
}

func TestARefusalRepeatsABoundedPartOfAValue(t *testing.T) {
	w := newWorld(t, standard())
	long := strings.Repeat("!", 100_000)
	reply := w.send(post(form("AssumeRoleWithWebIdentity", "RoleArn", roleARN(account, "web"), "RoleSessionName", long, "WebIdentityToken", "token")))
	got := refused(t, reply, 400, "ValidationError")
	if !strings.HasPrefix(got, "2 validation errors detected: Value '!!!") || !strings.Contains(got, "!...' at 'roleSessionName'") || len(got) > 3*query.MaxQuoted {
		t.Errorf("got %d bytes, %.80s", len(got), got)
	}
}
