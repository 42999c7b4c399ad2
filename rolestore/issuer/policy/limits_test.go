package policy

import (
	"errors"
	"strings"
	"testing"
)

func TestWhiteSpaceDoesNotCountTowardsAQuota(t *testing.T) {
	if got := Size([]byte("{ \"a\":\t\"b c\u00f6\"\r\n}")); got != 11 {
		t.Errorf("got %d characters", got)
	}
	full := []byte(strings.Repeat("x", DefaultTrustSize) + " \n")
	over := []byte(strings.Repeat("x", DefaultTrustSize+1))
	for want, err := range map[string]error{
		"Cannot exceed quota for ACLSizePerRole: 2048":           CheckTrustSize(over, DefaultTrustSize),
		"Cannot exceed quota for ACLSizePerRole: 2047":           CheckTrustSize(full, DefaultTrustSize-1),
		"Cannot exceed quota for PolicySize: 6144":               CheckManagedSize([]byte(strings.Repeat("x", MaxManagedSize+1))),
		"Maximum policy size of 10240 bytes exceeded for role r": CheckInlineSize("role", "r", MaxRoleInlineSize, full, full, full, full, full, []byte("x")),
	} {
		var e *QuotaError
		if !errors.As(err, &e) || e.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	for _, err := range []error{CheckTrustSize(full, DefaultTrustSize), CheckTrustSize(over, MaxTrustSize), CheckManagedSize(over),
		CheckInlineSize("role", "r", MaxRoleInlineSize, full, full, full, full, full)} {
		if err != nil {
			t.Error(err)
		}
	}
}

// What is longer than any header is not looked at: a Deny applies, an Allow does not.
func TestTextThatIsTooLongNeverHelpsTheCaller(t *testing.T) {
	long, much := strings.Repeat("x", maxText+1), strings.Repeat("x", maxText/2)
	c := contextOf("aws:long", long, "aws:much", much, "aws:broken", "\xff", "aws:short", "x")
	for name, members := range map[string]string{
		"a value":             `"Resource":"*","Condition":{"StringLike":{"aws:long":"x*"}}`,
		"a negated value":     `"Resource":"*","Condition":{"StringNotEquals":{"aws:long":"y"}}`,
		"a set":               `"Resource":"*","Condition":{"ForAnyValue:StringLike":{"aws:long":"*"}}`,
		"a condition":         `"Resource":"*","Condition":{"StringLike":{"aws:short":"${aws:much}${aws:much}${aws:short}"}}`,
		"not a text":          `"Resource":"*","Condition":{"StringNotLike":{"aws:short":"${aws:broken}"}}`,
		"a resource":          `"Resource":"arn:aws:s3:::${aws:much}${aws:much}"`,
		"a resource, negated": `"NotResource":"arn:aws:s3:::${aws:much}${aws:much}"`,
		"no text in an ARN":   `"Resource":"*","Condition":{"ArnNotLike":{"aws:short":"arn:aws:iam::${aws:broken}:x"}}`,
	} {
		for effect, want := range map[string]Effect{"Allow": ImplicitDeny, "Deny": ExplicitDeny} {
			d := mustParse(t, Identity, `{"Version":"2012-10-17","Statement":{"Effect":"`+effect+`","Action":"*",`+members+`}}`)
			r := Request{Principal: asBob, Action: "s3:GetObject", Resource: "arn:aws:s3:::b", Owner: account, Context: c}
			if got := Evaluate(r, Policies{Identity: one(d)}); got.Effect != want {
				t.Errorf("%s, %s: got %s", name, effect, got.Effect)
			}
		}
	}
}

func TestTheRootOfAnotherAccountIsNotRoot(t *testing.T) {
	r := Request{Principal: asRoot, Action: "s3:GetObject", Resource: "*"}
	if got := Evaluate(r, Policies{}); !got.Allowed() {
		t.Errorf("the root is refused: %+v", got)
	}
	r.Principal.Account = "999999999999"
	if got := Evaluate(r, Policies{}); got.Allowed() {
		t.Error("the ARN of another account's root opens this one")
	}
}

func TestAPolicyInTheWrongPlaceAllowsNothing(t *testing.T) {
	const members = `"Action":"sts:AssumeRole"`
	for _, test := range []struct {
		kind      Kind
		statement string
		place     func(Policy) Policies
	}{
		{Identity, members + `,"Resource":"*"`, func(p Policy) Policies { return Policies{Resource: &p} }},
		{Trust, members + `,"Principal":"*"`, func(p Policy) Policies {
			return Policies{Identity: Set{p}, Resource: &Policy{Document: mustParse(t, Trust, `{"Statement":{"Effect":"Allow","Action":"sts:*","Principal":{"AWS":"123456789012"}}}`)}}
		}},
	} {
		for effect, want := range map[string]Effect{"Allow": ImplicitDeny, "Deny": ExplicitDeny} {
			d := mustParse(t, test.kind, `{"Statement":{"Effect":"`+effect+`",`+test.statement+`}}`)
			r, p := Request{Principal: asBob, Action: "sts:AssumeRole", Resource: target}, test.place(Policy{Document: d})
			got := Evaluate(r, p)
			checkExplanation(t, r, p, got)
			if got.Effect != want {
				t.Errorf("an identity policy: %v, %s: got %s", test.kind == Identity, effect, got.Effect)
			}
		}
	}
}

// What a caller writes himself, as a session policy, must not keep the service busy:
// each of these documents packs into a few hundred bytes of a session token, and took
// from seconds to minutes to evaluate.
func TestADecisionTakesABoundedEffort(t *testing.T) {
	long := strings.Repeat("a", maxText)
	c := contextOf("aws:UserAgent", long, "aws:PrincipalTag/x", long[:maxText/2]+"b")
	everywhere := mustParse(t, Identity, `{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`)
	for name, members := range map[string]string{
		"patterns with marks":     `"Resource":"*","Condition":{"StringNotLike":{"aws:UserAgent":[` + strings.Repeat(`"*`+strings.Repeat("a?", 2000)+`b*",`, 30) + `"b"]}}`,
		"patterns with variables": `"Resource":"*","Condition":{"StringNotLike":{"aws:UserAgent":[` + strings.Repeat(`"*?${aws:PrincipalTag/x}*",`, 4500) + `"b"]}}`,
		"texts of variables":      `"Resource":"*","Condition":{"StringNotEquals":{"aws:UserAgent":[` + strings.Repeat(`"${aws:PrincipalTag/x}",`, 4500) + `"b"]}}`,
		"ARNs":                    `"Resource":"*","Condition":{"ArnNotLike":{"aws:UserAgent":[` + strings.Repeat(`"arn:aws:iam::*:*?${aws:PrincipalTag/x}*",`, 3000) + `"arn:aws:iam::1:b"]}}`,
		"resources":               `"NotResource":[` + strings.Repeat(`"arn:aws:s3:::*?${aws:PrincipalTag/x}*",`, 3000) + `"arn:aws:s3:::b"]`,
	} {
		d := mustParse(t, Identity, `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*",`+members+`}}`)
		c.Set("aws:UserAgent", long)
		if name == "ARNs" {
			c.Set("aws:UserAgent", "arn:aws:iam::1:"+long[:maxText-20])
		}
		r := Request{Principal: asBob, Action: "s3:GetObject", Resource: "arn:aws:s3:::" + long[:2048], Owner: account, Context: c}
		limit := one(d)
		// It is refused although another statement allows it: whether that is met before
		// or after the effort is spent must not matter.
		for _, own := range []Set{{{Document: everywhere}, {Document: d}}, {{Document: d}, {Document: everywhere}}} {
			got := Evaluate(r, Policies{Identity: own})
			if got.Effect != ExplicitDeny {
				t.Errorf("%s: got %s", name, got.Effect)
			}
		}
		if got := Evaluate(r, Policies{Identity: one(everywhere), Session: &limit}); got.Effect != ExplicitDeny {
			t.Errorf("%s, in a session policy: got %s", name, got.Effect)
		}
	}
}
