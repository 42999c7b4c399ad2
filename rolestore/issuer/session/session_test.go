package session

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/rolestore"
)

var now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

var claims = Claims{
	Principal:   "AROAJQABLZS4A3QDU576Q",
	Account:     "123456789012",
	SessionName: "i-0123456789abcdef0",
	Issued:      now,
	Expires:     now.Add(6 * time.Hour),
	Lease:       "ABCDEFGHIJKL",
	Region:      "eu-central-1",
}

func issue(t testing.TB, s *Sealer) rolestore.Credentials {
	t.Helper()
	c, err := s.Issue(claims)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAnIssuedSessionIsRecognised(t *testing.T) {
	s := NewSealer([]Key{NewKey(1)}, "aws", "core-1")
	c := issue(t, s)
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
	if n := len(c.SecretAccessKey.Reveal()); n != 40 {
		t.Errorf("the secret has %d characters, want 40", n)
	}
	if n := len(c.SessionToken.Reveal()); n > 1000 {
		t.Errorf("a plain role session's token has %d characters, want fewer than 1000", n)
	}
	got, secret, err := s.Open(c.AccessKeyID, c.SessionToken.Reveal(), now.Add(6*time.Hour-time.Second))
	if err != nil || !reflect.DeepEqual(got, claims) || secret.Reveal() != c.SecretAccessKey.Reveal() {
		t.Errorf("Open = %+v, %v", got, err)
	}
	if _, _, err = s.Open(c.AccessKeyID, c.SessionToken.Reveal(), claims.Expires); !errors.Is(err, ErrExpired) {
		t.Errorf("at its expiry: %v, want ErrExpired", err)
	}
}

func TestSessionsDifferInEverySecret(t *testing.T) {
	s := NewSealer([]Key{NewKey(1)}, "aws", "core-1")
	a, b := issue(t, s), issue(t, s)
	if a.AccessKeyID == b.AccessKeyID || a.SecretAccessKey.Reveal() == b.SecretAccessKey.Reveal() ||
		a.SessionToken.Reveal() == b.SessionToken.Reveal() {
		t.Error("two sessions share a key, a secret or a token")
	}
	if strings.Contains(a.SessionToken.Reveal(), base64.StdEncoding.EncodeToString([]byte(claims.Principal))) {
		t.Error("the token shows its principal")
	}
}

func TestAnAlteredTokenIsInvalid(t *testing.T) {
	s := NewSealer([]Key{NewKey(1)}, "aws", "core-1")
	c := issue(t, s)
	raw, err := base64.StdEncoding.DecodeString(c.SessionToken.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	for bit := range len(raw) * 8 {
		raw[bit/8] ^= 1 << (bit % 8)
		if _, _, err := s.Open(c.AccessKeyID, base64.StdEncoding.EncodeToString(raw), now); !errors.Is(err, ErrInvalid) {
			t.Fatalf("bit %d flipped: %v, want ErrInvalid", bit, err)
		}
		raw[bit/8] ^= 1 << (bit % 8)
	}
}

func TestATokenBelongsToOneKeyPartitionAndCore(t *testing.T) {
	key := NewKey(1)
	s := NewSealer([]Key{key}, "aws", "core-1")
	c, other := issue(t, s), issue(t, s)
	for name, test := range map[string]struct {
		sealer *Sealer
		id     string
		token  string
	}{
		"another session's access key id": {s, other.AccessKeyID, c.SessionToken.Reveal()},
		"another partition":               {NewSealer([]Key{key}, "aws-cn", "core-1"), c.AccessKeyID, c.SessionToken.Reveal()},
		"another core with the same key":  {NewSealer([]Key{key}, "aws", "core-2"), c.AccessKeyID, c.SessionToken.Reveal()},
		"a boundary moved between names":  {NewSealer([]Key{key}, "awsc", "ore-1"), c.AccessKeyID, c.SessionToken.Reveal()},
		"another key of the same id":      {NewSealer([]Key{NewKey(1)}, "aws", "core-1"), c.AccessKeyID, c.SessionToken.Reveal()},
		"a key that is no longer held":    {NewSealer([]Key{NewKey(2)}, "aws", "core-1"), c.AccessKeyID, c.SessionToken.Reveal()},
		"no token":                        {s, c.AccessKeyID, ""},
		"no base64":                       {s, c.AccessKeyID, "%%%"},
		"a line break inside":             {s, c.AccessKeyID, c.SessionToken.Reveal()[:8] + "\n" + c.SessionToken.Reveal()[8:]},
		"far too long":                    {s, c.AccessKeyID, strings.Repeat("AAAA", maxToken)},
	} {
		if _, secret, err := test.sealer.Open(test.id, test.token, now); !errors.Is(err, ErrInvalid) || !secret.IsZero() {
			t.Errorf("%s: %v, want ErrInvalid and no secret", name, err)
		}
	}
}

func TestOlderKeysStillOpen(t *testing.T) {
	older, newer := NewKey(1), NewKey(2)
	c := issue(t, NewSealer([]Key{older}, "aws", "core-1"))
	if _, _, err := NewSealer([]Key{older, newer}, "aws", "core-1").Open(c.AccessKeyID, c.SessionToken.Reveal(), now); err != nil {
		t.Error(err)
	}
}

func TestAnUnknownClaimInvalidatesTheToken(t *testing.T) {
	good := encoded(claims)
	if _, err := parseClaims(good); err != nil {
		t.Fatal(err)
	}
	if _, err := parseClaims(append(good, 99, 1, 'x')); err == nil {
		t.Error("a claim of a newer core was ignored")
	}
	for end := range good {
		if got, err := parseClaims(good[:end]); err == nil && reflect.DeepEqual(got, claims) {
			t.Errorf("claims cut at %d were accepted", end)
		}
	}
}

// TestAClockThatWasWrongForAnHourStopsNoRotation has a key made for a day far away.
func TestAClockThatWasWrongForAnHourStopsNoRotation(t *testing.T) {
	start := now.Truncate(time.Second)
	first := NewKey(1)
	first.From = start
	keys, changed := Rotate([]Key{first}, start.AddDate(70, 0, 0))
	if !changed || len(keys) != 2 {
		t.Fatalf("the wrong clock has made %d keys", len(keys))
	}
	used := map[byte]bool{}
	for day := range 60 {
		at := start.AddDate(0, 0, day)
		keys, _ = Rotate(keys, at)
		used[NewSealer(keys, "aws", "core-1").issuing(at).ID] = true
		ids := map[byte]bool{}
		for i, k := range keys {
			ids[k.ID] = true
			if i > 0 && k.From.Before(keys[i-1].From) {
				t.Fatalf("on day %d the keys are out of order: %d begins at %s", day, k.ID, k.From)
			}
		}
		if len(ids) != len(keys) || len(keys) > 4 {
			t.Fatalf("on day %d there are %d keys with %d ids", day, len(keys), len(ids))
		}
	}
	if len(used) < 8 {
		t.Errorf("in 60 days, %d keys have issued", len(used))
	}
	// A clock that was not set yet, as at the start of a small computer, changes nothing.
	if again, changed := Rotate(keys, time.Unix(0, 0)); changed {
		t.Errorf("in 1970, %d keys become %d", len(keys), len(again))
	}
}

func TestKeysAreNotPrinted(t *testing.T) {
	key := NewKey(1)
	raw := fmt.Sprintf("%v", key.Secret[:4])
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		if printed := fmt.Sprintf(format, key); strings.Contains(printed, strings.Trim(raw, "[]")) || printed != "redacted" {
			t.Errorf("%s prints %q", format, printed)
		}
	}
}

func TestAccessKeyIDsCarryTheirAccount(t *testing.T) {
	for _, account := range []string{"000000000000", "000000000001", "123456789012", "609629065308", "999999999999"} {
		for range 100 {
			id, err := NewAccessKeyID(TemporaryPrefix, account)
			if err != nil {
				t.Fatal(err)
			}
			if got, ok := AccountOf(id); !ok || got != account || len(id) != 20 {
				t.Fatalf("accountOf(%s) = %s, %t, want %s", id, got, ok, account)
			}
		}
	}
	// A published id of AWS and its account.
	if got, ok := AccountOf("ASIAY34FZKBOKMUTVV7A"); !ok || got != "609629065308" {
		t.Errorf("accountOf of AWS's own id = %s, %t", got, ok)
	}
	for _, id := range []string{"", "ASIAIOSFODNN7EXAMPLE", "ASIA", "ASIA0000000000000000", "ASIAY34FZKBOKMUTVV7AA"} {
		if got, ok := AccountOf(id); ok {
			t.Errorf("accountOf(%q) = %s", id, got)
		}
	}
	for _, account := range []string{"", "1", "12345678901a", "1234567890123", "-12345678901"} {
		if _, err := NewAccessKeyID(TemporaryPrefix, account); !errors.Is(err, ErrAccount) {
			t.Errorf("NewAccessKeyID(%q): %v, want ErrAccount", account, err)
		}
	}
}

func FuzzOpen(f *testing.F) {
	s := NewSealer([]Key{NewKey(1)}, "aws", "core-1")
	c := issue(f, s)
	f.Add(c.AccessKeyID, c.SessionToken.Reveal())
	f.Add("ASIAIOSFODNN7EXAMPLE", "AQoDYXdzEJr")
	f.Fuzz(func(t *testing.T, id, token string) {
		_, _, err := s.Open(id, token, now)
		if err == nil && (id != c.AccessKeyID || token != c.SessionToken.Reveal()) {
			t.Errorf("Open accepted %q with %q", id, token)
		}
	})
}

func FuzzOpenMessage(f *testing.F) {
	s := NewSealer([]Key{NewKey(1)}, "aws", "core-1")
	encoded, ok := s.SealMessage([]byte(`{"allowed":false}`), "123456789012", now)
	if !ok {
		f.Fatal("the message is too long")
	}
	f.Add(encoded, "123456789012")
	f.Add(encoded[:len(encoded)-4], "123456789012")
	f.Add(issue(f, s).SessionToken.Reveal(), "123456789012") // is no message
	f.Fuzz(func(t *testing.T, text, account string) {
		_, err := s.OpenMessage(text, account, now)
		if (err == nil) != (text == encoded && account == "123456789012") {
			t.Errorf("OpenMessage takes %q of %q: %v", text, account, err)
		}
	})
}

func BenchmarkIssueAndOpen(b *testing.B) {
	s := NewSealer([]Key{NewKey(1)}, "aws", "core-1")
	b.ReportAllocs()
	for b.Loop() {
		c := issue(b, s)
		if _, _, err := s.Open(c.AccessKeyID, c.SessionToken.Reveal(), now); err != nil {
			b.Fatal(err)
		}
	}
}

// Tokens outlive an upgrade: what they stand for is what crypto/hkdf says, today and then.
func TestSecretsAreHKDFs(t *testing.T) {
	key, nonce, id := Key{ID: 1, Secret: [32]byte{1, 2, 3}}, bytes.Repeat([]byte{7}, nonceSize), "ASIAEXAMPLE"
	got, err := derive(key, nonce, labelToken, id)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := hkdf.Key(sha256.New, key.Secret[:], nonce, labelSecret+id, secretSize)
	if err != nil {
		t.Fatal(err)
	}
	if want := base64.StdEncoding.EncodeToString(secret); got.secret.Reveal() != want {
		t.Errorf("the secret access key is %s, want %s", got.secret.Reveal(), want)
	}
	tokenKey, err := hkdf.Key(sha256.New, key.Secret[:], nonce, labelToken, keySize)
	if err != nil {
		t.Fatal(err)
	}
	block, err := aes.NewCipher(tokenKey)
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := aead.Open(nil, zeroNonce[:], got.aead.Seal(nil, zeroNonce[:], []byte("claims"), nil), nil); err != nil || string(plain) != "claims" {
		t.Errorf("what the token's key seals opens as %q, %v", plain, err)
	}
}
