package policy

import (
	"errors"
	"strings"
	"testing"
)

// TestEveryoneIsNobodyOfAProvider: a provider vouches for whom it likes, and some are
// everybody's. Whom a trust policy lets in by one it says by the provider's name.
func TestEveryoneIsNobodyOfAProvider(t *testing.T) {
	decide := func(members string, who Principal) Effect {
		t.Helper()
		d, err := Parse(Trust, []byte(`{"Version":"2012-10-17","Statement":[`+members+`]}`))
		if err != nil {
			t.Fatal(err)
		}
		return Evaluate(Request{Principal: who, Action: "sts:AssumeRoleWithWebIdentity", Resource: role, Context: NewContext()}, Policies{Resource: &Policy{Document: d}}).Effect
	}
	own := Principal{Federated: "arn:aws:iam::123456789012:oidc-provider/idp.example.com"}
	const named = `{"Effect":"Allow","Principal":{"Federated":["accounts.google.com","arn:aws:iam::123456789012:oidc-provider/idp.example.com"]},"Action":"sts:*"}`
	for _, who := range []Principal{asGoogle, own} {
		for _, everyone := range []string{`"*"`, `{"AWS":"*"}`, `{"AWS":"*","Federated":"www.amazon.com"}`} {
			if got := decide(`{"Effect":"Allow","Principal":`+everyone+`,"Action":"sts:*"}`, who); got != ImplicitDeny {
				t.Errorf("%s lets %s in: %s", everyone, who.Federated, got)
			}
			if got := decide(named+`,{"Effect":"Deny","Principal":`+everyone+`,"Action":"sts:*"}`, who); got != ExplicitDeny {
				t.Errorf("a Deny to %s does not keep %s out: %s", everyone, who.Federated, got)
			}
		}
		if got := decide(named, who); got != Allow {
			t.Errorf("%s is named and does not come in: %s", who.Federated, got)
		}
	}
}

// TestASharedProviderIsNarrowed: what would let in everybody of Google's, Amazon's or
// Facebook's is not saved.
func TestASharedProviderIsNarrowed(t *testing.T) {
	trust := func(members string) []byte {
		return []byte(`{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"sts:TagSession"},{` + members + `}]}`)
	}
	const (
		google = `"Effect":"Allow","Principal":{"Federated":"accounts.google.com"},"Action":"sts:AssumeRoleWithWebIdentity"`
		both   = `"Effect":"Allow","Principal":{"Federated":["accounts.google.com","arn:aws:iam::123456789012:oidc-provider/idp.example.com"]},"Action":"sts:*"`
	)
	for name, members := range map[string]string{
		"nothing said":       google,
		"another beside":     both,
		"amazon":             `"Effect":"Allow","Principal":{"Federated":"www.amazon.com"},"Action":"sts:Assume*"`,
		"facebook":           `"Effect":"Allow","Principal":{"Federated":"graph.facebook.com"},"NotAction":"sts:AssumeRole"`,
		"another's key":      google + `,"Condition":{"StringEquals":{"graph.facebook.com:app_id":"1"}}`,
		"a key of no person": google + `,"Condition":{"StringEquals":{"accounts.google.com:amr":"otp","sts:RoleSessionName":"a"}}`,
		"anything":           google + `,"Condition":{"StringLike":{"accounts.google.com:aud":"*"}}`,
		"anything, or one":   google + `,"Condition":{"StringLike":{"accounts.google.com:aud":["app","?*"]}}`,
		"itself":             google + `,"Condition":{"StringLike":{"accounts.google.com:sub":"${accounts.google.com:sub}"}}`,
		"all but one":        google + `,"Condition":{"StringNotEquals":{"accounts.google.com:sub":"mallory"}}`,
		"where there is one": google + `,"Condition":{"StringEqualsIfExists":{"accounts.google.com:aud":"app"}}`,
		"each, of none":      google + `,"Condition":{"ForAllValues:StringEquals":{"accounts.google.com:aud":"app"}}`,
		"that there is one":  google + `,"Condition":{"Null":{"accounts.google.com:aud":"false"}}`,
	} {
		_, err := ParseTrust(trust(members))
		var refusal *Error
		if !errors.As(err, &refusal) || !strings.Contains(refusal.Message, "must evaluate the condition key ") || strings.Contains(refusal.Message, ":aud or accounts.google.com:aud") || refusal.Where != "Statement[1]" {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := Freeze(trust(members), everyoneThere()); !errors.As(err, &refusal) {
			t.Errorf("%s is kept: %v", name, err)
		}
		if _, err := Parse(Trust, trust(members)); err != nil {
			t.Errorf("%s, saved before, is not understood: %v", name, err)
		}
	}
	for name, members := range map[string]string{
		"an audience":        google + `,"Condition":{"StringEquals":{"Accounts.Google.com:AUD":"app"}}`,
		"a person":           google + `,"Condition":{"StringLike":{"accounts.google.com:sub":"10769150350006150715*"}}`,
		"one of some":        both + `,"Condition":{"ForAnyValue:StringEquals":{"accounts.google.com:aud":["app","site"]},"Bool":{"aws:SecureTransport":"true"}}`,
		"amazon's":           `"Effect":"Allow","Principal":{"Federated":"www.amazon.com"},"Action":"sts:*","Condition":{"StringEquals":{"www.amazon.com:user_id":"amzn1.account.A"}}`,
		"facebook's":         `"Effect":"Allow","Principal":{"Federated":"graph.facebook.com"},"Action":"sts:*","Condition":{"StringEquals":{"graph.facebook.com:id":"1"}}`,
		"nobody comes in":    `"Effect":"Allow","Principal":{"Federated":"accounts.google.com"},"Action":"sts:TagSession"`,
		"a Deny":             `"Effect":"Deny","Principal":{"Federated":"accounts.google.com"},"Action":"sts:*"`,
		"a provider of ours": `"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::123456789012:oidc-provider/accounts.google.com"},"Action":"sts:*"`,
	} {
		if _, err := ParseTrust(trust(members)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
