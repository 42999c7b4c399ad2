package policy

import (
	"slices"
	"testing"
	"unicode/utf8"
)

// TestWhereAStatementIs has the example of SimulateCustomPolicy's documentation.
func TestWhereAStatementIs(t *testing.T) {
	const one = "{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": {\n    \"Effect\": \"Allow\",\n    \"Action\": \"s3:ListBucket\",\n    \"Resource\": \"arn:aws:s3:::example_bucket\"\n  }\n}"
	allow := `{"Effect":"Allow","Action":"a:b","Resource":"arn:aws:s3:::ä]{"}`
	n := utf8.RuneCountInString(allow)
	for _, test := range []struct {
		text string
		want []Span
	}{
		{one, []Span{{Position{3, 16}, Position{7, 4}}}},
		{`{"Statement":[` + allow + `,` + "\r\n " + allow + ` ],"Version":"2012-10-17"}`, []Span{{Position{1, 15}, Position{1, 15 + n}}, {Position{2, 2}, Position{2, 2 + n}}}},
		{`{"Id":"[{","Statement" : ` + allow + `}`, []Span{{Position{1, 26}, Position{1, 26 + n}}}},
	} {
		d := mustParse(t, Identity, test.text)
		if got := d.Spans(); !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", test.text, got, test.want)
		}
	}
	if got := new(Document).Spans(); got != nil {
		t.Errorf("a document that says nothing: %v", got)
	}
}

func TestTheKeysOfADocument(t *testing.T) {
	d := mustParse(t, Identity, `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":["arn:aws:s3:::b/${aws:username}","arn:aws:s3:::c/${aws:PrincipalTag/x, 'y'}"],
		"Condition":{"StringLike":{"AWS:UserName":"a","s3:prefix":"${aws:userid}/${s3:max, '9'}"},"Bool":{"aws:SecureTransport":"false"}}}]}`)
	want := []string{"aws:PrincipalTag/x", "aws:SecureTransport", "aws:userid", "aws:username", "s3:max", "s3:prefix"}
	if got := d.Keys(); !slices.EqualFunc(got, want, func(a, b string) bool { return Fold(a) == Fold(b) }) {
		t.Errorf("%q, want %q", got, want)
	}
}
