package session

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/base64"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
)

func encoded(c Claims) []byte { return c.append(nil, c.pack()) }

// full are claims with something in each.
func full() Claims {
	c := claims
	c.Policy = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::reports/*"}]}`
	c.PolicyARNs = []string{"arn:aws:iam::123456789012:policy/a", "arn:aws:iam::aws:policy/AdministratorAccess"}
	c.Tags = []Tag{{"team", "red", false}, {"Größe", "", true}}
	c.SourceIdentity, c.MFA, c.Provider = "alice", now.Add(-time.Minute), "https://idp.example"
	c.Context = []Fact{{Key: "ec2:SourceInstanceARN", Value: "arn:aws:ec2:eu-west-1:123456789012:instance/i-0123456789abcdef0"}, {Key: "ec2:RoleDelivery", Value: "2.0"},
		{Key: "idp.example:amr", Value: "pwd", Listed: true}, {Key: "idp.example:amr", Value: "otp", Listed: true}}
	return c
}

func TestAllClaimsComeBack(t *testing.T) {
	s := NewSealer([]Key{NewKey(1)}, "aws", "core-1")
	for _, kind := range []Kind{AssumedRole, FederatedUser, UserSession, AssumedRoot} {
		want := full()
		if want.Kind = kind; kind >= UserSession {
			want.SessionName = ""
		}
		issued, err := s.Issue(want)
		if err != nil {
			t.Fatal(err)
		}
		if got, _, err := s.Open(issued.AccessKeyID, issued.SessionToken.Reveal(), now); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("Open = %+v, %v, want %+v", got, err, want)
		}
	}
}

func TestEveryBitOfAFullTokenCounts(t *testing.T) {
	plain := encoded(full())
	for end := range plain {
		if got, err := parseClaims(plain[:end]); err == nil && reflect.DeepEqual(got, full()) {
			t.Errorf("claims cut at %d were accepted", end)
		}
	}
	if _, err := parseClaims(appendField(plain, tagPacked, string(deflate([]byte{99, 1, 'x'})))); err == nil {
		t.Error("a packed claim of a newer core was ignored")
	}
	if _, err := parseClaims(appendField(plain, tagKind, "\x04")); err == nil {
		t.Error("a kind of a newer core was ignored")
	}
}

// noise is text that cannot be compressed by more than a base's share.
func noise(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return base32.StdEncoding.EncodeToString(b)[:n]
}

func TestTheLargestTokenIsUnder2500Characters(t *testing.T) {
	s := NewSealer([]Key{NewKey(1)}, "aws", "core-1")
	c := full()
	c.SessionName, c.SourceIdentity = noise(64), noise(64)
	c.Provider = "arn:aws:iam::123456789012:oidc-provider/" + noise(100)
	c.Policy, c.PolicyARNs, c.Tags = "", nil, nil
	for i := 0; c.PackedSize() <= 100; i++ {
		issued, err := s.Issue(c)
		if err != nil {
			t.Fatalf("%d%%: %v", c.PackedSize(), err)
		}
		if n := len(issued.SessionToken.Reveal()); n >= 2500 {
			t.Errorf("with %d%% packed the token has %d characters", c.PackedSize(), n)
		}
		if c.PackedSize() == 100 {
			break
		}
		c.Policy += noise(3)
	}
	c.Policy += noise(100)
	if n := c.PackedSize(); n <= 100 || n > 110 {
		t.Errorf("PackedSize = %d", n)
	}
	c.SessionName, c.SourceIdentity, c.Provider, c.Context = "s", "", "", nil // a token of less than 2,500 characters
	if issued, err := s.Issue(c); err == nil {
		t.Errorf("more than the space for them is taken: %d characters", len(issued.SessionToken.Reveal()))
	}
}

func TestATokenThatWouldBeTooLargeIsNotMade(t *testing.T) {
	s := NewSealer([]Key{NewKey(1)}, "aws", "core-1")
	for _, edit := range []func(*Claims){
		func(c *Claims) { c.Policy = noise(6000) },
		func(c *Claims) { c.Provider = noise(3000) }, // what no caller chose
	} {
		c := full()
		edit(&c)
		_, err := s.Issue(c)
		var large *TooLargeError
		if !errors.As(err, &large) || large.Percent <= 100 {
			t.Errorf("Issue: %v", err)
		}
	}
}

func TestWhatIsPackedIsBounded(t *testing.T) {
	bomb := string(deflate([]byte(strings.Repeat("\x00", 10<<20))))
	if _, err := inflate(bomb); err == nil {
		t.Error("10 MiB were unpacked")
	}
}

func TestPackedSizeIsThatOfAModestPolicy(t *testing.T) {
	c := claims
	if n := c.PackedSize(); n != 0 {
		t.Errorf("nothing takes %d%%", n)
	}
	c.Tags = []Tag{{Key: "a"}}
	if n := c.PackedSize(); n != 1 {
		t.Errorf("a small tag takes %d%%", n)
	}
	c.Policy = full().Policy
	if n := c.PackedSize(); n < 2 || n > 12 { // AWS has said 6 to 8 of such
		t.Errorf("a modest policy takes %d%%", n)
	}
}

func TestKeysAreReplacedOnSchedule(t *testing.T) {
	first := NewKey(255)
	keys, changed := Rotate([]Key{first}, now)
	if !changed || len(keys) != 1 || !keys[0].From.Equal(now) {
		t.Fatalf("the first: %v, %t", keys, changed)
	}
	start := now
	at := func(d time.Duration) []Key {
		var changed bool
		before := len(keys)
		keys, changed = Rotate(keys, start.Add(d))
		if changed != (len(keys) != before) {
			t.Errorf("after %s: changed is %t", d, changed)
		}
		return keys
	}
	seal := func(d time.Duration) byte {
		c := claims
		c.Issued = start.Add(d)
		issued, err := NewSealer(keys, "aws", "core-1").Issue(c)
		if err != nil {
			t.Fatal(err)
		}
		return keyIDOf(t, issued.SessionToken.Reveal())
	}
	if at(KeyPeriod - KeyLead - time.Second); len(keys) != 1 {
		t.Error("another key is published too early")
	}
	if at(KeyPeriod - KeyLead); len(keys) != 2 || keys[1].ID != 0 {
		t.Fatalf("no other key is published: %d", len(keys))
	}
	if seal(KeyPeriod-time.Second) != 255 || seal(KeyPeriod) != 0 || seal(-time.Hour) != 255 {
		t.Error("a key is used before its time, or not at its time")
	}
	if at(KeyPeriod + KeyKept - time.Second); len(keys) != 2 {
		t.Error("a key is gone while sessions of its live")
	}
	if at(KeyPeriod + KeyKept); len(keys) != 1 || keys[0].ID != 0 {
		t.Error("a key is kept for nothing")
	}
	// A core that was off for a year begins with what it has, publishes, and goes on.
	year := 365 * 24 * time.Hour
	if at(year); len(keys) != 2 || seal(year) != 0 || seal(year+KeyLead) != 1 {
		t.Error("after a year the keys are not in order")
	}
}

func keyIDOf(t *testing.T, token string) byte {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(token)
	if err != nil {
		t.Fatal(err)
	}
	return raw[1]
}

func TestAuthorizationMessages(t *testing.T) {
	s := NewSealer([]Key{NewKey(1)}, "aws", "core-1")
	sealed, ok := s.SealMessage([]byte(`{"allowed":false}`), "123456789012", now)
	long, also := s.SealMessage([]byte(`{"allowed":false,"x":"`+noise(500)+`"}`), "123456789012", now)
	if !ok || !also || len(sealed) != len(long) || len(sealed) > 10240 {
		t.Fatalf("lengths %d and %d tell messages apart", len(sealed), len(long))
	}
	if text, err := s.OpenMessage(sealed, "123456789012", now.Add(messageLife)); err != nil || string(text) != `{"allowed":false}` {
		t.Errorf("OpenMessage = %q, %v", text, err)
	}
	if _, ok := s.SealMessage([]byte(noise(5000)), "123456789012", now); ok {
		t.Error("a message of any length is taken")
	}
	issued := issue(t, s)
	for name, test := range map[string]struct {
		message, account string
		after            time.Duration
	}{
		"of another account": {sealed, "210987654321", 0},
		"too old":            {sealed, "123456789012", messageLife + time.Second},
		"cut":                {sealed[:len(sealed)-4], "123456789012", 0},
		"with a line break":  {sealed[:8] + "\n" + sealed[8:], "123456789012", 0},
		"a session token":    {issued.SessionToken.Reveal(), issued.AccessKeyID, 0},
		"none":               {"", "123456789012", 0},
	} {
		if text, err := s.OpenMessage(test.message, test.account, now.Add(test.after)); !errors.Is(err, ErrMessage) {
			t.Errorf("%s: %q, %v", name, text, err)
		}
	}
	if _, _, err := s.Open("123456789012", sealed, now); !errors.Is(err, ErrInvalid) {
		t.Errorf("a message is a session token: %v", err)
	}
}

func FuzzParseClaims(f *testing.F) {
	f.Add(encoded(full()))
	f.Add(encoded(claims))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := parseClaims(b)
		if err != nil {
			return
		}
		if again, err := parseClaims(encoded(c)); err != nil || !reflect.DeepEqual(again, c) {
			t.Errorf("%+v comes back as %+v (%v)", c, again, err)
		}
	})
}
