package directory

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"slices"
	"time"
)

// The algorithms of GetWebIdentityToken (RFC 7518 section 3.1).
const (
	RS256 = "RS256"
	ES384 = "ES384"
)

const rsaBits = 2048 // signing with more costs this core a millisecond and more for each token

// The life of the keys that sign tokens for parties outside. They are published before
// they sign, so that nobody outside meets one that he does not know, and for as long as a
// token of theirs may be shown.
const (
	// tokenKeyPeriod is how long they sign.
	tokenKeyPeriod = 30 * 24 * time.Hour

	// tokenKeyLead is how long they are published before: the day for which a party
	// outside may keep what it has read, and an hour that a reply is under way or a file
	// is written.
	tokenKeyLead = 25 * time.Hour

	// tokenKeyKept is how long they are published after others have taken their place:
	// the hour that a token lives at most, and two for those whose clock is late.
	tokenKeyKept = 3 * time.Hour
)

// keyTokenKeys is where the keys of outbound tokens are, in bucketCore: a list of
// tokenKeyRecord, in the order in which they sign.
const keyTokenKeys = "web_identity_keys"

// tokenKeyRecord is a key for each algorithm; PKCS #8, DER.
type tokenKeyRecord struct {
	RSA  []byte    `json:"rsa"`
	EC   []byte    `json:"ec"`
	From time.Time `json:"signs_from"`
}

// TokenKey signs tokens for parties outside.
type TokenKey struct {
	Algorithm string
	Signer    crypto.Signer
	// From is when it begins to sign.
	From time.Time
}

// TokenKeys are the keys of tokens for parties outside that are published, in the order
// in which they sign; none where no account has ever enabled such tokens.
func (s *Snapshot) TokenKeys() []TokenKey { return s.keys }

// TokenKey returns the key that signs at a time: the last whose time has come. If a clock
// was set back and none has, it is the first.
func (s *Snapshot) TokenKey(algorithm string, at time.Time) (signing TokenKey, ok bool) {
	for _, k := range slices.Backward(s.keys) {
		if k.Algorithm != algorithm {
			continue
		}
		if signing, ok = k, true; !k.From.After(at) {
			break
		}
	}
	return signing, ok
}

// RotateTokenKeys brings the keys of tokens for parties outside to where their schedule
// has them now. It is to be called often, and by one caller at a time.
func (d *Directory) RotateTokenKeys(now time.Time) error {
	var have []tokenKeyRecord
	e := d.Snapshot().record(bucketCore, keyTokenKeys)
	if e == nil {
		return nil
	}
	if err := e.decode(&have); err != nil || len(have) == 0 {
		return err
	}
	if err := d.follower.failed(); err != nil {
		return err // rather than make keys that cannot be kept
	}
	// Keys take their time, so they are made before others wait for the file.
	next, changed, err := rotateTokenKeys(have, now.UTC().Truncate(time.Second))
	if err != nil || !changed { // as nearly always
		return err
	}
	err = d.change(func(tx *Tx) error { return tx.PutJSON(bucketCore, keyTokenKeys, next) })
	if err == nil {
		d.logger.Info("keys of web identity tokens changed", "published", len(next), "newest_signs_from", next[len(next)-1].From)
	}
	return err
}

// rotateTokenKeys returns the keys as they should be now: others published if the last
// have nearly served their time, and those gone of which no token is good any more. It
// reports whether that is a change.
//
// Those that are to sign only far in the future were made when the clock was wrong.
// Until their time comes the others are replaced as if they were not there. If there are
// no others, as the clock was wrong for long, they sign already, and their time is now.
func rotateTokenKeys(have []tokenKeyRecord, now time.Time) (next []tokenKeyRecord, changed bool, err error) {
	next = slices.Clone(have)
	far := now.Add(2 * tokenKeyLead)
	if next[0].From.After(far) {
		next[0].From, changed = now, true
	}
	last := len(next) - 1
	for next[last].From.After(far) {
		last--
	}
	if !now.Before(next[last].From.Add(tokenKeyPeriod - tokenKeyLead)) {
		made, err := newTokenKeys(now.Add(tokenKeyLead))
		if err != nil {
			return nil, false, err
		}
		next, changed = slices.Insert(next, last+1, made), true
	}
	for len(next) > 1 && !now.Before(next[1].From.Add(tokenKeyKept)) {
		next, changed = next[1:], true
	}
	return next, changed, nil
}

func newTokenKeys(from time.Time) (r tokenKeyRecord, err error) {
	r.From = from
	private, err := rsa.GenerateKey(rand.Reader, rsaBits)
	if err != nil {
		return r, fmt.Errorf("make a key: %w", err)
	}
	curve, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		return r, fmt.Errorf("make a key: %w", err)
	}
	if r.RSA, err = x509.MarshalPKCS8PrivateKey(private); err == nil {
		r.EC, err = x509.MarshalPKCS8PrivateKey(curve)
	}
	return r, err
}

func readTokenKeys(e *entry) (keys []TokenKey, err error) {
	var all []tokenKeyRecord
	if err := e.decode(&all); err != nil {
		return nil, err
	}
	for _, r := range all {
		for _, k := range []struct {
			algorithm string
			der       []byte
		}{{RS256, r.RSA}, {ES384, r.EC}} {
			key, err := x509.ParsePKCS8PrivateKey(k.der)
			signer, ok := key.(crypto.Signer)
			if err != nil || !ok {
				return nil, fmt.Errorf("the key for %s cannot be read", k.algorithm)
			}
			keys = append(keys, TokenKey{k.algorithm, signer, r.From})
		}
	}
	return keys, nil
}
