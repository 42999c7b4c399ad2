package hosttoken

import (
	"crypto/sha256"
	"errors"
	"reflect"
	"strings"
	"testing"
)

func TestAnInvitationIsReadAsItWasWritten(t *testing.T) {
	sum := sha256.Sum256([]byte("authority"))
	for _, authority := range [][]byte{nil, sum[:]} {
		want := NewInvitation("core-0123456789abcdef", authority)
		text, err := want.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := ParseInvitation(" " + text + "\n"); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s is read as %+v, %v", text, got, err)
		}
		for _, bad := range []string{"", text[:len(text)-2], text + "AA", strings.TrimPrefix(text, invitationPrefix), text[:40] + "*" + text[41:], text[:40] + "\n" + text[40:]} {
			if _, err := ParseInvitation(bad); !errors.Is(err, ErrInvitation) || bad != "" && strings.Contains(err.Error(), bad) {
				t.Errorf("%q: %v", bad, err)
			}
		}
	}
	if text, err := (Invitation{Core: "another"}).Encode(); err == nil {
		t.Errorf("a core of another form has the invitation %s", text)
	}
}

func FuzzParseInvitation(f *testing.F) {
	text, _ := NewInvitation("core-0123456789abcdef", nil).Encode()
	f.Add(text)
	f.Fuzz(func(t *testing.T, text string) {
		i, err := ParseInvitation(text)
		if err != nil {
			return
		}
		if again, err := i.Encode(); err != nil || again != strings.TrimSpace(text) {
			t.Errorf("%q is read as what is written %q (%v)", text, again, err)
		}
	})
}
