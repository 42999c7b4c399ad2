package policy

import "testing"

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
