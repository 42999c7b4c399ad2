package policy

import (
	"errors"
	"testing"
)

// FuzzParse checks that a document either is refused with an *Error or can be
// evaluated, and that one which allows also has an Allow in it.
func FuzzParse(f *testing.F) {
	for _, c := range corpus {
		f.Add(c.kind == Trust, []byte(`{"Version":"2012-10-17","Id":"x","Statement":[`+c.statement+`]}`), c.request.Action, c.request.Resource, bob, "aws:a", "1")
	}
	f.Add(false, []byte(`{"Statement":{"Effect":"Allow","Action":"a:*?b","Resource":"arn:*:?:*?*::ö*","Condition":{"ArnLike":{"aws:a":"arn:a:b:c:d:*?"},
		"IpAddress":{"aws:b":["::/0","1.2.3.4"]},"DateLessThan":{"aws:c":1},"NumericEquals":{"aws:d":-1.5e3},"Null":{"aws:e":true}}}}`),
		"a:xb", "arn:a:b:cd::ö\xff", "", "aws:a", "arn:a:b:c:d:\xf0")
	f.Fuzz(func(t *testing.T, trust bool, text []byte, action, resource, arn, key, value string) {
		kind := Identity
		if trust {
			kind = Trust
		}
		d, err := Parse(kind, text)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || e.Message == "" {
				t.Fatalf("got %#v", err)
			}
			return
		}
		got := d.Evaluate(Request{
			Action: action, Resource: resource, Principal: Principal{Account: account, ARNs: []string{arn}},
			Context: map[string][]string{key: {value}},
		})
		allows := false
		for i := range d.statements {
			allows = allows || !d.statements[i].deny
		}
		if got.Decision == Allow && !allows || (got.Decision == ImplicitDeny) != (got.Statement == "") {
			t.Fatalf("got %+v of %s", got, text)
		}
	})
}
