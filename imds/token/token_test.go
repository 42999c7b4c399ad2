package token_test

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/imds/token"
)

const id = "i-0123456789abcdef0"

var (
	now         = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	incarnation = [16]byte{1, 2, 3}
)

func key(id byte) token.Key { return token.Key{ID: id, Secret: [token.KeySize]byte{id, 0xff}} }

func newKeys(t testing.TB, keys ...token.Key) *token.Keys {
	t.Helper()
	k, err := token.NewKeys(keys...)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestTokenIsOfItsInstanceAndTime(t *testing.T) {
	k := newKeys(t, key(1))
	tok := k.Mint(id, incarnation, time.Minute, now)
	for name, tc := range map[string]struct {
		id          string
		incarnation [16]byte
		at          time.Time
		want        error
	}{
		"valid at once":                     {id, incarnation, now, nil},
		"valid to the last second":          {id, incarnation, now.Add(time.Minute - 1), nil},
		"expired when its time is over":     {id, incarnation, now.Add(time.Minute), token.ErrExpired},
		"foreign to another id":             {"i-0123456789abcdef1", incarnation, now, token.ErrForeign},
		"foreign to a later incarnation":    {id, [16]byte{9}, now, token.ErrForeign},
		"foreign to another when expired":   {"i-x", incarnation, now.Add(time.Hour), token.ErrForeign},
		"foreign to an id that is a prefix": {id[:18], [16]byte{'0', 1, 2, 3}, now, token.ErrForeign},
	} {
		t.Run(name, func(t *testing.T) {
			if err := k.Verify(tok, tc.id, tc.incarnation, tc.at); !errors.Is(err, tc.want) {
				t.Errorf("got %v, want %v", err, tc.want)
			}
		})
	}
}

// TestTTLIsNeverCutShort: Go's SDK renews when the ttl is over, with no margin.
func TestTTLIsNeverCutShort(t *testing.T) {
	k, start := newKeys(t, key(1)), now.Add(900*time.Millisecond)
	tok := k.Mint(id, incarnation, time.Second, start)
	if err := k.Verify(tok, id, incarnation, start.Add(time.Second-1)); err != nil {
		t.Errorf("just before the end: %v", err)
	}
	if err := k.Verify(tok, id, incarnation, start.Add(2*time.Second)); !errors.Is(err, token.ErrExpired) {
		t.Errorf("more than a second late: %v", err)
	}
}

func TestTokenHasItsForm(t *testing.T) {
	k := newKeys(t, key(7))
	tok := k.Mint(id, incarnation, time.Minute, now)
	if len(tok) != token.Length || !strings.HasSuffix(tok, "==") {
		t.Fatalf("%q is not 56 characters with two of padding", tok)
	}
	raw, err := base64.StdEncoding.DecodeString(tok)
	if err != nil || len(raw) != 40 || raw[0] != 1 || raw[1] != 7 {
		t.Errorf("got % x, %v; want 40 bytes of version 1 and key 7", raw, err)
	}
	if again := k.Mint(id, incarnation, time.Minute, now); again == tok {
		t.Error("two tokens are alike")
	}
}

func TestNoBitOfATokenIsFree(t *testing.T) {
	k := newKeys(t, key(1))
	tok := k.Mint(id, incarnation, time.Minute, now)
	raw, _ := base64.StdEncoding.DecodeString(tok)
	for i := range 8 * len(raw) {
		raw[i/8] ^= 1 << (i % 8)
		if err := k.Verify(base64.StdEncoding.EncodeToString(raw), id, incarnation, now); err == nil {
			t.Errorf("bit %d of byte %d changed, and still valid", i%8, i/8)
		}
		raw[i/8] ^= 1 << (i % 8)
	}
}

func TestMalformedTokens(t *testing.T) {
	k := newKeys(t, key(1))
	tok := k.Mint(id, incarnation, time.Minute, now)
	raw, _ := base64.StdEncoding.DecodeString(tok)
	raw[0] = 2
	for name, text := range map[string]string{
		"empty":                     "",
		"cut":                       tok[:55],
		"with a newline":            tok + "\n",
		"with newlines inside":      tok[:52] + "\n\n\n\n",
		"with a newline for a char": "\n" + tok[1:],
		"with free trailing bits":   tok[:53] + string(tok[53]+1) + "==",
		"without padding":           tok[:54],
		"with a third more bytes":   strings.Repeat("AQAA", 14),
		"in the URL alphabet":       "-_" + tok[2:],
		"of another version":        base64.StdEncoding.EncodeToString(raw),
		"very long":                 strings.Repeat("A", 1<<16),
	} {
		t.Run(name, func(t *testing.T) {
			if err := k.Verify(text, id, incarnation, now); !errors.Is(err, token.ErrMalformed) {
				t.Errorf("got %v, want %v", err, token.ErrMalformed)
			}
		})
	}
}

// minted is a token of key 1, this instance and one minute from now on. Tokens
// outlive the process that minted them, so this one must verify for ever.
const minted = "AQFpp737gI6kfPzqRIReXePfmrk5XFE9iZ0vUS5+oras6asf9jxkow=="

func TestTokenOfAnEarlierProcessIsValid(t *testing.T) {
	k := newKeys(t, key(1))
	if err := k.Verify(minted, id, incarnation, now); err != nil {
		t.Error(err)
	}
}

func FuzzVerify(f *testing.F) {
	k := newKeys(f, key(1))
	f.Add(minted)
	f.Add(minted[:52] + "\r\n==")
	f.Add(strings.Repeat("=", token.Length))
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		// Another text that verifies is a second spelling, or a forgery.
		if err := k.Verify(text, id, incarnation, now); err == nil && text != minted {
			t.Errorf("%q is taken for a token", text)
		}
	})
}
