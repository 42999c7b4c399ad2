package sigv4

import (
	"strings"
	"testing"

	"github.com/rolecall/rolecall/rolestore"
)

func BenchmarkVerify(b *testing.B) {
	form := testForm + "&Policy=" + strings.Repeat("x", 500-len(testForm)-len("&Policy="))
	request := newRequest(b, "https://sts.eu-west-1.amazonaws.com/", form)
	signHTTP(b, request, form, testToken)
	r := received(b, request)
	secret := rolestore.NewSecret(testSecret)

	run := func(b *testing.B, verifier func() *Verifier) {
		b.ReportAllocs()
		for b.Loop() {
			s, err := Parse(r)
			if err != nil {
				b.Fatal(err)
			}
			if err := verifier().Verify(s, secret, testTime); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.Run("key cached", func(b *testing.B) {
		v := NewVerifier("sts")
		run(b, func() *Verifier { return v })
	})
	b.Run("key derived", func(b *testing.B) {
		run(b, func() *Verifier { return NewVerifier("sts") })
	})
}
