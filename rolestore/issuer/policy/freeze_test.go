package policy

import (
	"errors"
	"testing"
)

// people are who exists, by ARN.
type people map[string]string

func (p people) UniqueID(arn string) (string, bool) {
	id, ok := p[arn]
	return id, ok
}

func (p people) ARN(id string) (string, bool) {
	for arn, known := range p {
		if known == id && arn != "arn:aws:sts::123456789012:assumed-role/deep" {
			return arn, true
		}
	}
	return "", false
}

func everyoneThere() people {
	return people{
		bob:                                     "AIDAJQABLZS4A3QDU576Q",
		role:                                    "AROAJQABLZS4A3QDU576Q",
		"arn:aws:iam::123456789012:role/x/deep": "AROADEEPDEEPDEEPDEEP1",
		"arn:aws:sts::123456789012:assumed-role/deep": "AROADEEPDEEPDEEPDEEP1",
		"arn:aws:iam::123456789012:root":              account,
	}
}

const (
	readable = `{"Version":"2012-10-17","Statement":[{"Sid":"A","Effect":"Allow","Principal":{"AWS":["arn:aws:iam::123456789012:user/Bob","123456789012","*",` +
		`"arn:aws:sts::123456789012:assumed-role/deep/s1","arn:aws:sts::123456789012:federated-user/Susan"],"Service":"ec2.amazonaws.com"},` +
		`"Action":"sts:AssumeRole","Condition":{"NumericLessThan":{"aws:MultiFactorAuthAge":3600},"Bool":{"aws:SecureTransport":true},"StringLike":{"aws:a":"<&>"}}},` +
		`{"Effect":"Deny","NotPrincipal":{"AWS":"arn:aws:iam::123456789012:role/web"},"Action":"sts:*"}]}`
	frozen = `{"Version":"2012-10-17","Statement":[{"Sid":"A","Effect":"Allow","Principal":{"AWS":["AIDAJQABLZS4A3QDU576Q","arn:aws:iam::123456789012:root","*",` +
		`"AROADEEPDEEPDEEPDEEP1:s1","arn:aws:sts::123456789012:federated-user/Susan"],"Service":"ec2.amazonaws.com"},` +
		`"Action":"sts:AssumeRole","Condition":{"NumericLessThan":{"aws:MultiFactorAuthAge":3600},"Bool":{"aws:SecureTransport":true},"StringLike":{"aws:a":"<&>"}}},` +
		`{"Effect":"Deny","NotPrincipal":{"AWS":"AROAJQABLZS4A3QDU576Q"},"Action":"sts:*"}]}`
	thawed = `{"Version":"2012-10-17","Statement":[{"Sid":"A","Effect":"Allow","Principal":{"AWS":["arn:aws:iam::123456789012:user/Bob","arn:aws:iam::123456789012:root","*",` +
		`"arn:aws:sts::123456789012:assumed-role/deep/s1","arn:aws:sts::123456789012:federated-user/Susan"],"Service":"ec2.amazonaws.com"},` +
		`"Action":"sts:AssumeRole","Condition":{"NumericLessThan":{"aws:MultiFactorAuthAge":3600},"Bool":{"aws:SecureTransport":true},"StringLike":{"aws:a":"<&>"}}},` +
		`{"Effect":"Deny","NotPrincipal":{"AWS":"arn:aws:iam::123456789012:role/web"},"Action":"sts:*"}]}`
)

func TestATrustPolicyIsKeptByUniqueIDsAndShownByARNs(t *testing.T) {
	who := everyoneThere()
	kept, err := Freeze([]byte(" "+readable+"\n"), who)
	if err != nil {
		t.Fatal(err)
	}
	if string(kept) != frozen {
		t.Errorf("kept  %s\nwanted %s", kept, frozen)
	}
	again, err := Freeze(kept, who)
	if err != nil || string(again) != frozen {
		t.Errorf("%v: kept again %s", err, again)
	}
	shown, err := Thaw(kept, who)
	if err != nil || string(shown) != thawed {
		t.Errorf("%v: shown %s", err, shown)
	}
	mustParse(t, Trust, string(kept))
}

func TestWhoIsMadeAnewIsSomebodyElse(t *testing.T) {
	who := everyoneThere()
	kept, err := Freeze([]byte(`{"Statement":{"Effect":"Allow","Principal":{"AWS":["`+role+`","arn:aws:sts::123456789012:assumed-role/deep/s1"]},"Action":"sts:AssumeRole"}}`), who)
	if err != nil {
		t.Fatal(err)
	}
	delete(who, "arn:aws:iam::123456789012:role/x/deep")
	who[role] = "AROAANEWANEWANEWANEW1"
	shown, err := Thaw(kept, who)
	const want = `{"Statement":{"Effect":"Allow","Principal":{"AWS":["AROAJQABLZS4A3QDU576Q","AROADEEPDEEPDEEPDEEP1:s1"]},"Action":"sts:AssumeRole"}}`
	if err != nil || string(shown) != want {
		t.Errorf("%v: shown %s", err, shown)
	}
	p := Policies{Resource: &Policy{Document: mustParse(t, Trust, string(kept))}}
	r := Request{Principal: asRole, Action: "sts:AssumeRole", Resource: target}
	if d := Evaluate(r, p); !d.Allowed() {
		t.Errorf("the role that was named: %+v", d)
	}
	r.Principal.UniqueID = "AROAANEWANEWANEWANEW1"
	if d := Evaluate(r, p); d.Allowed() {
		t.Error("the role made anew may assume it")
	}
	// The bare id of somebody who is gone cannot be saved again.
	if _, err := Freeze(kept, who); err == nil {
		t.Error("a policy with a stale id can be saved")
	}
}

func TestOnlyWhoExistsCanBeNamed(t *testing.T) {
	for principal, want := range map[string]string{
		"arn:aws:iam::123456789012:user/Ann":          `Invalid principal in policy: "AWS":"arn:aws:iam::123456789012:user/Ann"`,
		"arn:aws:sts::123456789012:assumed-role/x/s1": `Invalid principal in policy: "AWS":"arn:aws:sts::123456789012:assumed-role/x/s1"`,
		"999999999999":          `Invalid principal in policy: "AWS":"999999999999"`,
		"AROAUNKNOWNUNKNOWN001": `Invalid principal in policy: "AWS":"AROAUNKNOWNUNKNOWN001"`,
	} {
		_, err := Freeze([]byte(`{"Statement":{"Effect":"Allow","Principal":{"AWS":["*","`+principal+`"]},"Action":"sts:AssumeRole"}}`), everyoneThere())
		var e *Error
		if !errors.As(err, &e) || e.Message != want {
			t.Errorf("%s: got %v", principal, err)
		}
	}
	if _, err := Freeze([]byte(`{"Statement":{}}`), everyoneThere()); err == nil {
		t.Error("an invalid document can be saved")
	}
	if _, err := Thaw([]byte(`{`), everyoneThere()); err == nil {
		t.Error("what is no JSON can be shown")
	}
}
