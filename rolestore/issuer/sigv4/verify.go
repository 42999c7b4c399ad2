package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/rolecall/rolecall/rolestore"
)

// MaxSkew is how far from the server's clock a request may have been signed, in
// both directions, and so also how long it can be replayed
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html).
const MaxSkew = 15 * time.Minute

// Verifier verifies signatures made for one service. It remembers the signing
// keys of those that were right, so that the next request of the same key on the
// same day costs four HMACs less. It is safe for concurrent use.
type Verifier struct {
	service string
	keys    keyCache
}

// NewVerifier returns a Verifier for service, a name in credential scopes such as
// "sts" or "iam".
func NewVerifier(service string) *Verifier { return &Verifier{service: service} }

// Verify returns nil if s was made with secret, for the Verifier's service and
// around now, and covers the request that it was parsed from. Otherwise it
// returns an [*Error], for one reason after the other: clock, scope, signature.
// The region is not looked at. An empty secret verifies nothing.
func (v *Verifier) Verify(s *Signature, secret rolestore.Secret, now time.Time) error {
	if err := checkClock(s.Time, now); err != nil {
		return err
	}
	if err := v.checkScope(s); err != nil {
		return err
	}
	if secret.IsZero() {
		return errMismatch
	}
	digest, err := s.signed.digest(s.Presigned)
	if err != nil {
		return err
	}
	where := scope{s.AccessKeyID, s.signed.day, s.Region}
	key, known := v.keys.lookup(where, secret)
	if !known {
		key = signingKey(secret, where, v.service)
	}
	var text [256]byte
	sum := mac(key[:], s.appendToSign(text[:0], digest))
	want := hex.AppendEncode(nil, sum[:])
	// The text is compared, not the bytes: upper-case digits are not what was sent.
	if subtle.ConstantTimeCompare(want, []byte(s.signed.signature)) != 1 {
		return errMismatch
	}
	if !known {
		// Only now, lest requests with made-up regions push out keys in use.
		v.keys.remember(where, secret, key)
	}
	return nil
}

// checkScope joins all that is wrong with the scope, as AWS does. The space at
// the end of each sentence is AWS's.
func (v *Verifier) checkScope(s *Signature) error {
	message := ""
	if s.Service != v.service {
		message += fmt.Sprintf("Credential should be scoped to correct service: '%s'. ", v.service)
	}
	if s.signed.terminator != terminator {
		message += fmt.Sprintf("Credential should be scoped with a valid terminator: '%s', not '%s'. ",
			terminator, s.signed.terminator)
	}
	if day := s.Time.Format(dayFormat); s.signed.day != day {
		message += fmt.Sprintf("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "+
			"'%s' != '%s', from '%s'. ", s.signed.day, day, s.Time.Format(basicFormat))
	}
	if message != "" {
		return mismatch(message)
	}
	return nil
}

// digest hashes the canonical request, and refuses a body that is not the one
// that x-amz-content-sha256 speaks of.
func (s *signed) digest(presigned bool) (sum [sha256.Size]byte, err error) {
	// As large as what SDKs send, session token included, to stay on the stack.
	var usual [3072]byte
	b, err := s.appendCanonical(usual[:0], presigned)
	if err != nil {
		return sum, err
	}
	sum = s.request.bodyHash()
	b = hex.AppendEncode(b, sum[:])
	bodyHash := b[len(b)-hex.EncodedLen(len(sum)):]
	for _, claimed := range s.request.Header["X-Amz-Content-Sha256"] {
		if claimed != string(bodyHash) {
			return sum, mismatch("The provided 'x-amz-content-sha256' header does not match what was computed.")
		}
	}
	return sha256.Sum256(b), nil
}

// appendToSign appends the string to sign of a canonical request's digest. The
// members of the scope have been checked by now.
func (s *Signature) appendToSign(b []byte, digest [sha256.Size]byte) []byte {
	b = append(b, algorithm+"\n"...)
	b = s.Time.AppendFormat(b, basicFormat)
	b = append(b, '\n')
	b = append(b, s.signed.day...)
	b = append(b, '/')
	b = append(b, s.Region...)
	b = append(b, '/')
	b = append(b, s.Service...)
	b = append(b, "/"+terminator+"\n"...)
	return hex.AppendEncode(b, digest[:])
}

// mac is HMAC-SHA256 (RFC 2104).
func mac(key, text []byte) (sum [sha256.Size]byte) {
	h := hmac.New(sha256.New, key)
	h.Write(text)
	h.Sum(sum[:0])
	return sum
}
