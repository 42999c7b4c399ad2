package sigv4

import (
	"fmt"
	"sync"
	"testing"

	"github.com/rolecall/rolecall/rolestore"
)

func TestVerifyRemembersKeysOfRightSignaturesOnly(t *testing.T) {
	v := NewVerifier("sts")
	s, err := Parse(signedPost(t))
	if err != nil {
		t.Fatal(err)
	}
	_ = v.Verify(s, rolestore.NewSecret("wrong"), testTime)
	if n := len(v.keys.recent); n != 0 {
		t.Fatalf("%d keys after a wrong signature", n)
	}
	for range 2 {
		if err := v.Verify(s, rolestore.NewSecret(testSecret), testTime); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(v.keys.recent); n != 1 {
		t.Fatalf("%d keys after two right signatures", n)
	}
}

func TestTheKeyCacheIsBoundedAndKeepsKeysInUse(t *testing.T) {
	var c keyCache
	secret := rolestore.NewSecret(testSecret)
	used := scope{"used", "20251123", "eu-west-1"}
	want := signingKey(secret, used, "sts")
	c.remember(used, secret, want)
	for i := range 3 * maxKeys {
		c.remember(scope{fmt.Sprint(i), "20251123", "eu-west-1"}, secret, [32]byte{})
		if got, ok := c.lookup(used, secret); !ok || got != want {
			t.Fatalf("lost the key in use after %d others", i+1)
		}
		if n := len(c.recent) + len(c.older); n > 2*maxKeys {
			t.Fatalf("holds %d keys", n)
		}
	}
	if _, ok := c.lookup(scope{"0", "20251123", "eu-west-1"}, secret); ok {
		t.Error("still holds the oldest key")
	}
}

func TestTheKeyCacheTellsScopesAndSecretsApart(t *testing.T) {
	var c keyCache
	secret := rolestore.NewSecret(testSecret)
	where := scope{"a", "20251123", "eu-west-1"}
	c.remember(where, secret, [32]byte{1})
	for _, other := range []scope{{"b", "20251123", "eu-west-1"}, {"a", "20251124", "eu-west-1"}, {"a", "20251123", "us-east-1"}} {
		if _, ok := c.lookup(other, secret); ok {
			t.Errorf("found %v", other)
		}
	}
	renewed := rolestore.NewSecret("renewed")
	if _, ok := c.lookup(where, renewed); ok {
		t.Error("found the key of an earlier secret")
	}
	c.remember(where, renewed, [32]byte{2})
	if key, ok := c.lookup(where, renewed); !ok || key != [32]byte{2} {
		t.Error("lost the key of the later secret")
	}
}

func TestAVerifierIsSafeForConcurrentUse(t *testing.T) {
	v := NewVerifier("sts")
	s, err := Parse(signedPost(t))
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 50 {
				if err := v.Verify(s, rolestore.NewSecret(testSecret), testTime); err != nil {
					t.Error(err)
				}
				_ = v.Verify(s, rolestore.NewSecret("other"), testTime)
			}
		})
	}
	group.Wait()
}
