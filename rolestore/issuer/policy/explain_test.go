package policy

import (
	"reflect"
	"slices"
	"testing"
)

func TestExplainSaysOfEachStatementWhatKeepsItFromApplying(t *testing.T) {
	r := Request{Principal: asBob, Action: "sts:AssumeRole", Resource: target, Context: contextOf("aws:a", "1")}
	own := mustParse(t, Identity, `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":"s3:*","Resource":"*"},
		{"Effect":"Allow","NotAction":"sts:*","Resource":"*"},
		{"Effect":"Allow","Action":"sts:*","Resource":"arn:aws:iam::123456789012:role/x"},
		{"Effect":"Allow","Action":"sts:*","NotResource":"arn:aws:iam::123456789012:role/*"},
		{"Effect":"Allow","Action":"sts:*","Resource":["arn:aws:iam::123456789012:role/${aws:username}","arn:aws:s3:::${aws:userid}"]},
		{"Sid":"C","Effect":"Allow","Action":"sts:*","Resource":"*","Condition":{"StringEquals":{"aws:a":"1","aws:B":["2","${aws:c}"]},"Bool":{"aws:a":"true"}}},
		{"Sid":"Yes","Effect":"Allow","Action":"sts:*","Resource":"*"}]}`)
	trust := mustParse(t, Trust, `{"Statement":[
		{"Effect":"Allow","Action":"sts:*","Principal":{"AWS":"999999999999"}},
		{"Effect":"Deny","Action":"sts:*","NotPrincipal":"*"},
		{"Effect":"Allow","Action":"sts:*","Principal":"*"}]}`)
	named := Policy{Name: "own", Document: own}
	findings := Explain(r, Policies{Identity: Set{named}, Resource: &Policy{Name: "trust", Document: trust}, Boundary: &Set{}, Session: &Set{named}})

	elements := []string{"Principal", "NotPrincipal", "", "Action", "NotAction", "Resource", "NotResource", "Resource", "Condition", ""}
	for i, want := range elements {
		f := findings[i]
		if f.Element != want || f.Applies != (want == "") || (f.Type == ResourceBased) != (i < 3) || f.Policy.Name != map[bool]string{true: "trust", false: "own"}[i < 3] {
			t.Errorf("finding %d is %+v, want %q", i, f, want)
		}
	}
	if len(findings) != len(elements)+7 || findings[10].Type != SessionBased {
		t.Errorf("got %d findings", len(findings))
	}
	if got := findings[7].Missing; !slices.Equal(got, []string{"aws:username"}) {
		t.Errorf("of the variables, %q are missing", got)
	}
	c := findings[8]
	if want := []Condition{{"StringEquals", "aws:B", []string{"2", "${aws:c}"}}, {"Bool", "aws:a", []string{"true"}}}; !reflect.DeepEqual(c.Conditions, want) {
		t.Errorf("these do not hold: %+v", c.Conditions)
	}
	if !slices.Equal(c.Missing, []string{"aws:B", "aws:c"}) {
		t.Errorf("for the conditions, %q are missing", c.Missing)
	}
}

func TestAStatementIsShownAsItWasWritten(t *testing.T) {
	d := mustParse(t, Resource, `{"Statement":{"Sid":"S","Effect":"Deny","NotPrincipal":{"AWS":["123456789012","arn:aws:iam::123456789012:user/Bob"],"Service":"ec2.amazonaws.com"},
		"NotAction":"S3:Get*","NotResource":["arn:aws:s3:::b"],"Condition":{"Bool":{"AWS:a":true}}}}`)
	want := Statement{
		Sid: "S", Effect: "Deny", Principals: []string{"123456789012", bob, "ec2.amazonaws.com"}, NotPrincipal: true,
		Actions: []string{"S3:Get*"}, NotAction: true, Resources: []string{"arn:aws:s3:::b"}, NotResource: true,
		Conditions: []Condition{{"Bool", "AWS:a", []string{"true"}}},
	}
	if got := d.Statement(0); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
	for _, i := range []int{-1, 1} {
		if got := d.Statement(i); !reflect.DeepEqual(got, Statement{}) {
			t.Errorf("there is a statement %d: %+v", i, got)
		}
	}
}

func TestTheTextOfARefusal(t *testing.T) {
	match := func(typ Type) []Match { return []Match{{Type: typ}} }
	for want, d := range map[string]Decision{
		" with an explicit deny in a resource-based policy":        {Effect: ExplicitDeny, Statements: match(ResourceBased)},
		" with an explicit deny in an identity-based policy":       {Effect: ExplicitDeny, Statements: match(IdentityBased)},
		" with an explicit deny in a permissions boundary":         {Effect: ExplicitDeny, Statements: match(PermissionsBoundary)},
		" with an explicit deny in a session policy":               {Effect: ExplicitDeny, Statements: match(SessionBased)},
		" because no permissions boundary allows the sts:X action": {Lacking: []Type{PermissionsBoundary, SessionBased}},
		" because no session policy allows the sts:X action":       {Lacking: []Type{SessionBased}},
		"": {Effect: Allow},
	} {
		if got := d.Because("sts:X"); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
