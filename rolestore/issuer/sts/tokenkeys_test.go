package sts

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// keySet is what a party outside has read of an issuer, and when.
type keySet struct {
	read time.Time
	keys map[string]jwk
}

// verifies returns the id of the key by which a party outside that has the set takes a
// token at a time.
func (s keySet) verifies(t *testing.T, token string, at time.Time) (string, error) {
	parsed, err := jwt.NewParser(jwt.WithTimeFunc(func() time.Time { return at }), jwt.WithExpirationRequired()).
		Parse(token, func(token *jwt.Token) (any, error) {
			if key, ok := s.keys[token.Header["kid"].(string)]; ok {
				return key.public(t), nil
			}
			return nil, fmt.Errorf("no key %s", token.Header["kid"])
		})
	if err != nil {
		return "", err
	}
	return parsed.Header["kid"].(string), nil
}

// TestNobodyOutsideMeetsAKeyThatHeDoesNotKnow lets nine weeks go by, at a pace that is
// another each time, with the keys replaced on their schedule. Every token is verified
// until its end by who reads the key set then, and by who has read it in the day before
// the token was signed.
func TestNobodyOutsideMeetsAKeyThatHeDoesNotKnow(t *testing.T) {
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, seed))
	definitions := withPeople()
	definitions.At = time.Now()
	w := newWorld(t, definitions)
	id, _ := w.directory.Snapshot().TokenIssuer(account)
	type held struct {
		signer  jwk
		expires time.Time
	}
	var (
		tokens  []held
		sets    []keySet
		signers = map[string]bool{}
		most    int
	)
	for start := w.clock(); w.clock().Before(start.Add(62 * 24 * time.Hour)); {
		keys := w.directory.Snapshot().TokenKeys()
		pace := 30 * time.Minute
		if signs := w.clock().Sub(keys[len(keys)-1].From); signs > 26*time.Hour && signs < 28*24*time.Hour { // of thirty days
			pace = 12 * time.Hour // as nothing happens
		}
		w.advance(time.Minute + time.Duration(random.Int64N(int64(pace))).Truncate(time.Second))
		now := w.clock()
		if err := w.directory.RotateTokenKeys(now); err != nil {
			t.Fatal(err)
		}
		var read struct{ Keys []jwk }
		w.published(t, w.issuerURL(id)+"/.well-known/jwks.json", &read)
		set := keySet{now, map[string]jwk{}}
		for _, k := range read.Keys {
			set.keys[k.ID] = k
		}
		most = max(most, len(set.keys))
		life := min(60+random.IntN(7200), 3600)
		reply := w.call(t, alice, "GetWebIdentityToken", "Audience.member.1", "a", "SigningAlgorithm", []string{"RS256", "ES384"}[random.IntN(2)], "DurationSeconds", strconv.Itoa(life))
		answered(t, reply)
		signer, err := set.verifies(t, members(reply)["WebIdentityToken"], now)
		if err != nil {
			t.Fatalf("seed %d, after %s: a new token is refused: %v", seed, now.Sub(start), err)
		}
		signers[signer] = true
		sets = append(sets, set)
		for sets[0].read.Before(now.Add(-24 * time.Hour)) {
			sets = sets[1:]
		}
		for _, earlier := range sets {
			if earlier.keys[signer] != set.keys[signer] {
				t.Fatalf("seed %d, after %s: who has read the key set %s before refuses a new token", seed, now.Sub(start), now.Sub(earlier.read))
			}
		}
		var good []held
		for _, token := range tokens {
			if token.expires.After(now) {
				good = append(good, held{set.keys[signer], now.Add(time.Duration(life) * time.Second)})
				if set.keys[token.signer.ID] != token.signer {
					t.Fatalf("seed %d, after %s: a token that is good until %s is refused", seed, now.Sub(start), token.expires.Sub(start))
				}
			}
		}
		tokens = append(good, held{set.keys[signer], now.Add(time.Duration(life) * time.Second)})
	}
	if len(signers) != 6 || most != 4 {
		t.Errorf("seed %d: %d keys have signed, and at most %d were published", seed, len(signers), most)
	}
}
