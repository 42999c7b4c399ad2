package seal

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// keyLine is a key file's line with the key 32 times b.
func keyLine(b byte) string {
	return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{b}, keySize)) + "\n"
}

func keyring(t testing.TB, text string) *Keyring {
	t.Helper()
	k, err := parse("/etc/rolecall/keys", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestSealedValueOpensWithItsContext(t *testing.T) {
	k := keyring(t, keyLine(1))
	for _, plaintext := range []string{"", "x", strings.Repeat("long ", 1000)} {
		sealed := k.Seal([]byte(plaintext), "bucket", "key")
		got, err := k.Open(sealed, "bucket", "key")
		if err != nil || got == nil || string(got) != plaintext {
			t.Errorf("Open = %q, %v; want %q", got, err, plaintext)
		}
		if len(sealed) != len(plaintext)+37 {
			t.Errorf("sealing %d bytes took %d, want 37 more", len(plaintext), len(sealed))
		}
	}
}

func TestSealingTwiceUsesTwoNonces(t *testing.T) {
	k := keyring(t, keyLine(1))
	if bytes.Equal(k.Seal([]byte("x")), k.Seal([]byte("x"))) {
		t.Error("two seals of one value are the same bytes")
	}
}

// Files of this version must open with every later one.
func TestValueOfVersionOneStillOpens(t *testing.T) {
	sealed, err := hex.DecodeString(goldenValue)
	if err != nil {
		t.Fatal(err)
	}
	got, err := keyring(t, keyLine(7)).Open(sealed, "bucket", "key")
	if err != nil || string(got) != "an old value" {
		t.Errorf("Open = %q, %v", got, err)
	}
}

const goldenValue = "01dde505ce28bc0c4ef6c59e5d6b9c042839084be169e67a38660283a990357fe67fd459c4b07a7da5fc9a93c253795559"

func TestEveryFlippedBitIsRefused(t *testing.T) {
	k := keyring(t, keyLine(1)+keyLine(2))
	sealed := k.Seal([]byte("secret"), "bucket", "key")
	for bit := range len(sealed) * 8 {
		sealed[bit/8] ^= 1 << (bit % 8)
		_, err := k.Open(sealed, "bucket", "key")
		var missing *KeyMissingError
		inID := bit/8 >= 1 && bit/8 < 9
		if errors.As(err, &missing) != inID || errors.Is(err, ErrDamaged) == inID {
			t.Errorf("bit %d flipped: %v", bit, err)
		}
		sealed[bit/8] ^= 1 << (bit % 8)
	}
	for cut := range sealed {
		if _, err := k.Open(sealed[:cut], "bucket", "key"); err == nil {
			t.Errorf("cut to %d bytes it opens", cut)
		}
	}
}

func TestMovedValueIsRefused(t *testing.T) {
	k := keyring(t, keyLine(1))
	sealed := k.Seal([]byte("secret"), "bucket", "key")
	for name, context := range map[string][]string{
		"to another bucket":                   {"bucker", "key"},
		"to another key":                      {"bucket", "kez"},
		"to a key that swaps with the bucket": {"key", "bucket"},
		"across the border of bucket and key": {"bucketk", "ey"},
		"out of its key":                      {"bucket"},
		"out of any context":                  {},
		"below an empty name":                 {"bucket", "key", ""},
	} {
		if _, err := k.Open(sealed, context...); !errors.Is(err, ErrDamaged) {
			t.Errorf("moved %s: %v, want ErrDamaged", name, err)
		}
	}
}

func TestWrongKeyIsNamed(t *testing.T) {
	old, other := keyring(t, keyLine(1)), keyring(t, keyLine(2))
	_, err := other.Open(old.Seal([]byte("secret")))
	var missing *KeyMissingError
	if !errors.As(err, &missing) || missing.ID != old.ID() || errors.Is(err, ErrDamaged) {
		t.Fatalf("Open = %v, want a KeyMissingError for %s", err, old.ID())
	}
	for _, want := range []string{old.ID().String(), "/etc/rolecall/keys", "put that key back"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say %q", err, want)
		}
	}
}

func TestLastKeySealsAndAllOpen(t *testing.T) {
	before, after := keyring(t, keyLine(1)), keyring(t, keyLine(1)+keyLine(2))
	if got, err := after.Open(before.Seal([]byte("old"))); err != nil || string(got) != "old" {
		t.Errorf("after rotation an old value is %q, %v", got, err)
	}
	if _, err := keyring(t, keyLine(2)).Open(after.Seal([]byte("new"))); err != nil {
		t.Errorf("a new value is not sealed with the last key: %v", err)
	}
	if before.ID() == after.ID() || after.ID() != keyring(t, keyLine(2)).ID() {
		t.Error("ID does not name the last key")
	}
}

func TestKeyringPrintsNoKey(t *testing.T) {
	k := keyring(t, keyLine('A'))
	var out strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&out, verb+verb, k, *k)
	}
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "pointer", k, "value", *k)
	for _, secret := range []string{"AAAA", "65 65", "4141", "0x41, 0x41", strings.TrimSpace(keyLine('A'))} {
		if strings.Contains(out.String(), secret) {
			t.Errorf("a key is printed as %q in %s", secret, out.String())
		}
	}
	if want := "keyring /etc/rolecall/keys (keys redacted)"; k.String() != want || k.GoString() != want || k.LogValue().String() != want {
		t.Errorf("it prints %q", k.String())
	}
}

// FuzzOpen starts from the golden value: the fuzzer's workers are processes of
// their own, and would each seal with another nonce.
func FuzzOpen(f *testing.F) {
	k := keyring(f, keyLine(7))
	sealed, err := hex.DecodeString(goldenValue)
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte{}, "bucket", "key")
	f.Add(sealed, "bucket", "key")
	f.Add(sealed, "buc", "ketkey")
	f.Add(sealed[:headSize+tagSize], "bucket", "key")
	f.Add(append([]byte{2}, sealed[1:]...), "bucket", "key")
	f.Fuzz(func(t *testing.T, value []byte, bucket, name string) {
		got, err := k.Open(value, bucket, name)
		genuine := bytes.Equal(value, sealed) && bucket == "bucket" && name == "key"
		var missing *KeyMissingError
		switch {
		case genuine && (err != nil || string(got) != "an old value"):
			t.Errorf("the genuine value is %q, %v", got, err)
		case !genuine && !errors.Is(err, ErrDamaged) && !errors.As(err, &missing):
			t.Errorf("a forged value is %q, %v", got, err)
		}
	})
}

// FuzzParse holds that no key file makes the parser panic and no error quotes it.
func FuzzParse(f *testing.F) {
	f.Add([]byte(preamble + keyLine(1)))
	f.Add([]byte("c2VjcmV0\n"))
	f.Add([]byte(keyLine(1) + "#\r\n" + keyLine(2)[:20]))
	f.Fuzz(func(t *testing.T, text []byte) {
		k, err := parse("P", text)
		if (err == nil) != (k != nil && len(k.keys) > 0) {
			t.Errorf("parse = %v, %v", k, err)
		}
		if line := bytes.TrimSpace(text); err != nil && len(line) > 40 && strings.Contains(err.Error(), string(line)) {
			t.Errorf("the error quotes the file: %v", err)
		}
	})
}
