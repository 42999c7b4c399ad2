package hosttoken

import (
	"crypto/ecdsa"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const (
	// Type is the header's typ: no identity provider's token carries it.
	Type = "rolecall-host+jwt"

	// MaxLifetime is the longest time from iat to exp.
	MaxLifetime = time.Minute

	// minOnce and maxOnce bound a jti, in bytes: it is not guessed, and the core
	// remembers it.
	minOnce = 16
	maxOnce = 64

	// maxSkew is how far a host's clock may be ahead of the core's.
	maxSkew = time.Minute
)

// The values of the condition key ec2:RoleDelivery: whether the metadata service asks for
// a session token before it hands a role's credentials out
// (https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html).
const (
	DeliveryV1 = "1.0"
	DeliveryV2 = "2.0"
)

// ErrInvalid is returned for a token that is no host token of a known host for
// this core; the wrapping error says what is wrong with it.
var ErrInvalid = errors.New("invalid host token")

// ErrUnknownHost is what an [ErrInvalid] is besides if no host is registered by that
// id and key.
var ErrUnknownHost = errors.New("no host of this id and key is registered with this core")

// ErrExpired is returned for a host token whose time is over.
var ErrExpired = errors.New("host token expired")

// Claims are what a host says.
type Claims struct {
	// Host is the id of the host that signs (iss).
	Host string
	// Core is the id of the core that the token is for (aud).
	Core string
	// InstanceID is the instance that the host asks for (sub).
	InstanceID string
	// RoleARN, SessionName and Duration are those of the one request that the
	// token may accompany; Duration is in whole seconds.
	RoleARN     string
	SessionName string
	Duration    time.Duration
	// Delivery is how the host hands the credentials out, [DeliveryV1] or [DeliveryV2].
	Delivery string
	// Tags are the session tags that the host sets for the instance.
	Tags map[string]string
	// Once is the token's own name (jti), and Issued its iat. Sign makes both.
	Once   string
	Issued time.Time
}

type wire struct {
	jwt.RegisteredClaims
	RoleARN         string            `json:"role_arn"`
	RoleSessionName string            `json:"role_session_name"`
	DurationSeconds int64             `json:"duration_seconds"`
	RoleDelivery    string            `json:"role_delivery"`
	Tags            map[string]string `json:"tags,omitempty"`
}

// Sign returns the token for c, good for [MaxLifetime] from now on. key is on
// the curve P-256.
func Sign(key *ecdsa.PrivateKey, c Claims, now time.Time) (string, error) {
	return sign(key, Type, wire{
		RegisteredClaims: registered(c.Host, c.Core, c.InstanceID, now),
		RoleARN:          c.RoleARN,
		RoleSessionName:  c.SessionName,
		DurationSeconds:  int64(c.Duration / time.Second),
		RoleDelivery:     c.Delivery,
		Tags:             c.Tags,
	})
}

// ours is the header that Sign writes.
var ours = base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"ES256","typ":"` + Type + `"}`))

// Is reports whether token says in its header that it is a host token. Only the
// form is looked at: a caller that hears yes must call [Verify], and must not
// try the token as any other kind.
func Is(token string) bool {
	head, _, ok := strings.Cut(token, ".")
	if !ok {
		return false
	}
	if head == ours { // all but those of other libraries
		return true
	}
	text, err := base64.RawURLEncoding.DecodeString(head)
	if err != nil {
		return false
	}
	var header struct {
		Type string `json:"typ"`
	}
	return json.Unmarshal(text, &header) == nil && header.Type == Type
}

// Verify returns what the host that signed token says. keyOf returns the
// registered key of a host, or nil for one that is unknown.
func Verify(token, core string, keyOf func(host string) *ecdsa.PublicKey, now time.Time) (Claims, error) {
	var w wire
	if err := parse(token, Type, core, &w, keyOf, now); err != nil {
		return Claims{}, err
	}
	if err := w.bounded(now); err != nil {
		return Claims{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return Claims{
		Host:        w.Issuer,
		Core:        core,
		InstanceID:  w.Subject,
		RoleARN:     w.RoleARN,
		SessionName: w.RoleSessionName,
		Duration:    time.Duration(w.DurationSeconds) * time.Second,
		Delivery:    w.RoleDelivery,
		Tags:        w.Tags,
		Once:        w.ID,
		Issued:      w.IssuedAt.Time,
	}, nil
}

// parse checks what all tokens of hosts have in common and decodes the claims.
func parse(token, typ, core string, claims jwt.Claims, keyOf func(host string) *ecdsa.PublicKey, now time.Time) error {
	parser := jwt.NewParser(
		jwt.WithValidMethods([]string{jwt.SigningMethodES256.Alg()}),
		jwt.WithAudience(core),
		jwt.WithExpirationRequired(),
		jwt.WithStrictDecoding(),
		jwt.WithTimeFunc(func() time.Time { return now }),
	)
	_, err := parser.ParseWithClaims(token, claims, func(t *jwt.Token) (any, error) {
		if t.Header["typ"] != typ {
			return nil, fmt.Errorf("typ is not %s", typ)
		}
		issuer, err := claims.GetIssuer()
		if err != nil {
			return nil, err
		}
		if key := keyOf(issuer); key != nil {
			return key, nil
		}
		return nil, ErrUnknownHost
	})
	switch {
	case errors.Is(err, jwt.ErrTokenExpired):
		return ErrExpired
	case errors.Is(err, jwt.ErrTokenSignatureInvalid):
		return fmt.Errorf("%w: %w: %w", ErrInvalid, ErrUnknownHost, err)
	case err != nil:
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return nil
}

// registered are the claims of a token that is good for [MaxLifetime].
func registered(host, core, subject string, now time.Time) jwt.RegisteredClaims {
	return jwt.RegisteredClaims{
		Issuer:    host,
		Audience:  jwt.ClaimStrings{core},
		Subject:   subject,
		IssuedAt:  jwt.NewNumericDate(now),
		ExpiresAt: jwt.NewNumericDate(now.Add(MaxLifetime)),
		ID:        rand.Text(),
	}
}

// sign returns the token of that type.
func sign(key *ecdsa.PrivateKey, typ string, claims jwt.Claims) (string, error) {
	t := jwt.NewWithClaims(jwt.SigningMethodES256, claims)
	t.Header["typ"] = typ
	signed, err := t.SignedString(key)
	if err != nil {
		return "", fmt.Errorf("sign host token: %w", err)
	}
	return signed, nil
}

// brief reports a token that is made to live longer than one may, that is for more
// than one core, or that cannot be told from others.
func brief(c jwt.RegisteredClaims, now time.Time) error {
	switch {
	case c.IssuedAt == nil:
		return errors.New("iat is missing")
	case c.IssuedAt.After(now.Add(maxSkew)):
		return errors.New("iat lies in the future: set the clock of the host or of the core")
	case c.ExpiresAt.Sub(c.IssuedAt.Time) > MaxLifetime:
		return fmt.Errorf("it lives longer than %s", MaxLifetime)
	case len(c.Audience) != 1:
		return errors.New("aud must name one core")
	case len(c.ID) < minOnce || len(c.ID) > maxOnce:
		return fmt.Errorf("jti must have %d to %d bytes", minOnce, maxOnce)
	}
	return nil
}

// bounded reports a token that is not brief, or that leaves open which request it is
// for.
func (w wire) bounded(now time.Time) error {
	const longest = 1 << 31 // seconds; keeps the product below from overflowing
	if err := brief(w.RegisteredClaims, now); err != nil {
		return err
	}
	switch {
	case w.Subject == "" || w.RoleARN == "" || w.RoleSessionName == "":
		return errors.New("sub, role_arn and role_session_name are required")
	case w.DurationSeconds <= 0 || w.DurationSeconds > longest:
		return errors.New("duration_seconds is out of range")
	case w.RoleDelivery != DeliveryV1 && w.RoleDelivery != DeliveryV2:
		return errors.New("role_delivery must be 1.0 or 2.0")
	}
	return nil
}
