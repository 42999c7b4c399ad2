package oidc

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const (
	// skew is how far the clocks of the provider and of this service may be apart.
	skew = 5 * time.Minute

	// maxAge is the age at which a token is refused whatever it says of its end.
	maxAge = 24 * time.Hour

	// maxSubject is the longest SubjectFromWebIdentityToken, in characters.
	maxSubject = 255

	// clientLength is the longest of a client id, as of IAM's client lists.
	clientLength = 255
)

// algorithms are those that IAM accepts. None, those with a shared secret and those that
// providers seldom have are not among them.
var algorithms = []string{"RS256", "RS384", "RS512", "ES256", "ES384", "ES512"}

var (
	errAlgorithm = fmt.Errorf("%w: its algorithm is none of %v", ErrInvalid, algorithms)
	errTags      = fmt.Errorf("%w: the claim %s is not an object of principal_tags, each with a list of one value, and transitive_tag_keys", ErrInvalid, tagsClaim)
	errDate      = fmt.Errorf("%w: exp, iat and nbf must be whole numbers of seconds", ErrInvalid)
	errFuture    = fmt.Errorf("%w: it is not valid yet; check the clocks of the provider and of this service", ErrInvalid)
	errSubject   = fmt.Errorf("%w: sub must have 1 to %d characters", ErrInvalid, maxSubject)

	// ErrAudience is of a token for somebody else.
	ErrAudience = errors.New("identity token for another audience")
)

// Issuer returns whom a token says to be from: nothing to be believed, but to find the
// [Provider] by that it is to be verified with.
func Issuer(token string) (string, error) {
	var p payload
	if err := read(token, &p); err != nil || p.Issuer == "" {
		return "", ErrMalformed
	}
	return p.Issuer, nil
}

// read decodes the payload without a look at the signature.
func read(token string, p *payload) error {
	parsed, parts, err := jwt.NewParser(jwt.WithStrictDecoding()).ParseUnverified(token, jwt.MapClaims{})
	if err != nil || len(parts) != 3 {
		return ErrMalformed
	}
	if _, ok := parsed.Header["crit"]; ok {
		return ErrMalformed // RFC 7515 section 4.1.11: extensions that are not known
	}
	body, err := jwt.NewParser(jwt.WithStrictDecoding()).DecodeSegment(parts[1])
	if err != nil {
		return ErrMalformed
	}
	return json.Unmarshal(body, p)
}

// Verify returns what the token says if the provider has signed it, for one of its
// clients, and it is valid now. The key is find's, by the token's kid and algorithm.
// Errors wrap those of this package, or are find's.
func Verify(token string, p Provider, find func(kid, algorithm string) (any, error), now time.Time) (Claims, error) {
	var found payload
	if err := read(token, &found); err != nil {
		return Claims{}, ErrMalformed
	}
	if found.Issuer != p.Issuer && (p.Alias == "" || found.Issuer != p.Alias) {
		return Claims{}, fmt.Errorf("%w: iss is another than the provider's", ErrInvalid)
	}
	if err := signed(token, find); err != nil {
		return Claims{}, err
	}
	if err := found.complete(); err != nil {
		return Claims{}, err
	}
	if err := found.timely(now); err != nil {
		return Claims{}, err
	}
	c := Claims{Issuer: p.Issuer, Subject: found.Subject, OriginalAudience: found.Audience,
		Methods: found.Methods, SourceIdentity: found.SourceIdentity}
	var err error
	if c.Audience, err = found.audience(p); err != nil {
		return Claims{}, err
	}
	c.Tags, c.TransitiveTags, err = found.tags()
	return c, err
}

// signed checks the signature alone: the dates have texts of AWS's own.
func signed(token string, find func(kid, algorithm string) (any, error)) error {
	parser := jwt.NewParser(jwt.WithStrictDecoding(), jwt.WithValidMethods(algorithms), jwt.WithoutClaimsValidation())
	var fault error
	_, err := parser.ParseWithClaims(token, jwt.MapClaims{}, func(t *jwt.Token) (any, error) {
		kid, _ := t.Header["kid"].(string)
		var key any
		key, fault = find(kid, t.Method.Alg())
		return key, fault
	})
	switch {
	case fault != nil:
		return fault
	case err == nil:
		return nil
	case errors.Is(err, jwt.ErrTokenSignatureInvalid) && !knownAlgorithm(token):
		return errAlgorithm
	}
	return fmt.Errorf("%w: its signature does not verify by the provider's key", ErrInvalid)
}

func knownAlgorithm(token string) bool {
	t, _, err := jwt.NewParser().ParseUnverified(token, jwt.MapClaims{})
	return err == nil && slices.Contains(algorithms, t.Method.Alg())
}

// complete reports the first claim that is missing.
func (p *payload) complete() error {
	for _, claim := range []struct {
		name string
		here bool
	}{{"exp", p.Expires != ""}, {"iat", p.Issued != ""}, {"sub", p.Subject != ""}, {"aud", len(p.Audience) > 0}} {
		if !claim.here {
			return fmt.Errorf("%w: Missing a required claim: %s", ErrInvalid, claim.name)
		}
	}
	if len([]rune(p.Subject)) > maxSubject {
		return errSubject
	}
	return nil
}

// timely checks exp, iat and nbf against the clock.
func (p *payload) timely(now time.Time) error {
	expires, err1 := seconds(p.Expires)
	issued, err2 := seconds(p.Issued)
	before, err3 := seconds(p.NotBefore)
	switch {
	case err1 != nil || err2 != nil || err3 != nil:
		return errDate
	case now.Add(-skew).Unix() >= expires:
		return fmt.Errorf("%w: current date/time %d must be before the expiration date/time %d", ErrExpired, now.Unix(), expires)
	case now.Add(skew).Unix() < max(issued, before):
		return errFuture
	case now.Unix()-issued > int64((maxAge+skew)/time.Second):
		return fmt.Errorf("%w: Token too old: %d", ErrInvalid, now.Unix()-issued)
	}
	return nil
}

// seconds reads a NumericDate (RFC 7519 section 2) that is a whole number; 0 for none.
func seconds(n json.Number) (int64, error) {
	if n == "" {
		return 0, nil
	}
	return strconv.ParseInt(string(n), 10, 64)
}

// audience returns whom the token is for, who must be one of the provider's clients.
func (p *payload) audience(of Provider) (string, error) {
	audience := p.Authorized
	if audience == "" {
		if len(p.Audience) != 1 {
			return "", ErrAudience // of several parties, none is named as the one
		}
		audience = p.Audience[0]
	}
	if len(audience) > clientLength || !of.AnyClient && !slices.Contains(of.ClientIDs, audience) {
		return "", ErrAudience
	}
	return audience, nil
}
