package policy

import (
	"errors"
	"strings"
	"testing"
)

// FuzzParse checks that a document either is refused with an *Error or can be
// evaluated, explained and written again, and that one which allows also has an
// Allow in it.
func FuzzParse(f *testing.F) {
	for _, groups := range readCorpus(f) {
		for _, g := range groups {
			for kind, text := range g.texts {
				f.Add(int(kind), []byte(text), "sts:AssumeRole", target, bob, "aws:a", "1")
			}
		}
	}
	f.Add(1, []byte(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"a:*?b","Resource":"arn:*:s3:*:?:ö*${aws:a, '*'}","Condition":{"ArnLike":{"aws:a":"arn:a:b:c:d:*?"},
		"IpAddress":{"aws:b":["::/0","1.2.3.4"]},"DateLessThan":{"aws:c":1},"NumericEquals":{"aws:d":-1.5e3},"Null":{"aws:e":true},"BinaryEquals":{"aws:f":"QQ=="}}}}`),
		"a:xb", "arn:a:b:cd::ö\xff", "", "aws:a", "arn:a:b:c:d:\xf0")
	f.Fuzz(func(t *testing.T, kind int, text []byte, action, resource, arn, key, value string) {
		k := Kind(uint(kind) % 3)
		d, err := Parse(k, text)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || e.Message == "" {
				t.Fatalf("got %#v", err)
			}
			return
		}
		r := Request{Action: action, Resource: resource, Principal: Principal{Account: account, ARN: arn}, Context: contextOf(key, value)}
		p := Policies{Identity: one(d)}
		if k != Identity {
			p = Policies{Resource: &Policy{Document: d}}
		}
		got := Evaluate(r, p)
		checkExplanation(t, r, p, got)
		allows := false
		for i := range d.statements {
			allows = allows || d.Statement(i).Effect == "Allow"
		}
		if got.Allowed() && !allows && !r.Principal.isRoot() || got.Effect == ExplicitDeny && len(got.Statements) != 1 {
			t.Fatalf("got %+v of %s", got, text)
		}
		if _, err := ParseTrust(text); k == Trust && err == nil {
			checkFrozen(t, text)
		}
	})
}

// checkFrozen checks that a trust policy that can be frozen is one after it, and
// frozen it stays.
func checkFrozen(t *testing.T, text []byte) {
	frozen, err := Freeze(text, everybody{})
	if err != nil {
		t.Fatal(err)
	}
	again, err := Freeze(frozen, everybody{})
	if err != nil || string(again) != string(frozen) {
		t.Fatalf("%v: %s became %s", err, frozen, again)
	}
}

// everybody knows all ARNs and ids.
type everybody struct{}

func (everybody) UniqueID(arn string) (string, bool) { return "AROA00000000000000001", arn != "" }
func (everybody) ARN(id string) (string, bool)       { return role, id != "" }

// FuzzEvaluate checks what must hold of every decision, whatever the request says.
func FuzzEvaluate(f *testing.F) {
	f.Add(`"*"`, "sts:*", "*", "StringLike", "${aws:a}*", "sts:AssumeRole", target, session, "aws:a", "x", "y", true)
	f.Add(`{"AWS":"123456789012"}`, "sts:AssumeRole", target, "ForAllValues:StringEquals", "x", "sts:AssumeRole", target, "", "aws:TagKeys", "x", "y", false)
	f.Add(`{"Service":"ec2.amazonaws.com"}`, "*", "arn:aws:iam::*:role/${aws:a, 'b'}", "ArnLike", "arn:*:*:${aws:a}::*", "iam:PassRole", role, "", "aws:b", "arn:a:b:c:d:e", "\xff", true)
	f.Add(`{"AWS":"arn:aws:iam::123456789012:root"}`, "s?s:*", "arn:aws:s3", "IpAddress", "::/0", "sts:x", "*", "", "aws:SourceIp", "1.2.3.4", "", false)
	f.Fuzz(func(t *testing.T, principal, action, resource, operator, want, asked, on, session, key, first, second string, many bool) {
		quoted := func(s string) string { return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"` }
		condition := `,"Condition":{` + quoted(operator) + `:{` + quoted(key) + `:` + quoted(want) + `}}}}`
		trust, err1 := Parse(Trust, []byte(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:*","Principal":`+principal+condition))
		own, err2 := Parse(Identity, []byte(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":`+quoted(action)+`,"Resource":`+quoted(resource)+condition))
		deny, err3 := Parse(Identity, []byte(`{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":`+quoted(action)+`,"Resource":`+quoted(resource)+condition))
		if err1 != nil || err2 != nil || err3 != nil {
			return
		}
		c := NewContext()
		c.Set(key, first)
		if many {
			c.SetAll(key, []string{first, second})
		}
		for _, caller := range []Principal{asBob, asRole, asSusan, asRoot, asEve, asService, asGoogle, {}, {Account: account, ARN: role, Session: session}} {
			r := Request{Principal: caller, Action: asked, Resource: on, Context: c}
			p := Policies{Resource: &Policy{Document: trust}, Identity: one(own)}
			before := Evaluate(r, p)
			checkExplanation(t, r, p, before)
			set := one(deny)
			p.Session = &set
			if after := Evaluate(r, p); after.Allowed() && !before.Allowed() {
				t.Fatalf("a session policy that only denies allows: %+v became %+v", before, after)
			}
			// Where the Allow holds, so must the Deny of the same.
			if own, denied := Evaluate(r, Policies{Identity: p.Identity}), Evaluate(r, p); len(own.Statements) > 0 && denied.Effect != ExplicitDeny {
				t.Fatalf("an Allow applies and a Deny of the same does not: %+v and %+v", own, denied)
			}
		}
	})
}
