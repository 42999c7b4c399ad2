package query

import (
	"encoding/json"
	"encoding/xml"
	"strings"
	"testing"
)

// FuzzEscaped holds the escaping of replies against encoding/xml and
// encoding/json: a text is read again as it was, but for what cannot be written.
func FuzzEscaped(f *testing.F) {
	for _, seed := range []string{
		"", "plain", "<&>\"'", "a\r\nb\tc\r", "\x00\x1f\x7f\u0080", "\xff\xc0", "\ufffd\ufffe\uffff", "Köln 😀", `\u003c`, "]]>", "&#13;",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e := Element{Name: "Text", Text: text}
		var standard strings.Builder
		_ = xml.EscapeText(&standard, []byte(text)) // a Builder does not fail
		ours := appendXML(nil, "", e)
		got, want := "", ""
		if err := xml.Unmarshal(ours, &got); err != nil {
			t.Fatalf("%v in %q", err, ours)
		}
		if err := xml.Unmarshal([]byte("<Text>"+standard.String()+"</Text>"), &want); err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("%q is written as %q and read as %q, want %q", text, ours, got, want)
		}

		ours = appendObject(nil, []Element{e})
		var object struct{ Text string }
		if err := json.Unmarshal(ours, &object); err != nil {
			t.Fatalf("%v in %q", err, ours)
		}
		if want := string([]rune(text)); object.Text != want { // what is no UTF-8 becomes U+FFFD
			t.Errorf("%q is written as %q and read as %q, want %q", text, ours, object.Text, want)
		}
	})
}
