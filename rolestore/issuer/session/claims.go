package session

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// Kind is what sort of session it is.
type Kind byte

const (
	// AssumedRole is a session of a role, however it was assumed.
	AssumedRole Kind = iota
	// FederatedUser is what GetFederationToken makes.
	FederatedUser
	// UserSession is what GetSessionToken makes: the user himself.
	UserSession
	// AssumedRoot is what AssumeRoot makes.
	AssumedRoot
)

// Claims are what a session is: who holds it, for how long, and what narrows it.
// Everything else, such as what he may do, is looked up when the session is used.
type Claims struct {
	Kind Kind
	// Principal is the unique id of the role or user, AROA or AIDA and 17 more
	// characters; of a root's session, the account.
	Principal string
	// Account is the account that owns the principal, twelve digits.
	Account string
	// SessionName is the RoleSessionName, 2 to 64 characters, or the federated user's
	// name.
	SessionName string
	// Issued and Expires bound the session; UTC, whole seconds.
	Issued  time.Time
	Expires time.Time

	// Policy is the inline session policy, JSON, and PolicyARNs are the managed ones.
	// Without any of them the session is not limited by such.
	Policy     string
	PolicyARNs []string
	// Tags are the session's own, passed or inherited.
	Tags []Tag
	// SourceIdentity is who it was at the beginning of a chain of roles.
	SourceIdentity string
	// MFA is when the caller proved to have his device; zero if he did not.
	MFA time.Time
	// Provider is the identity provider that vouched for him (aws:FederatedProvider).
	Provider string
	// Context are condition keys with what was true at the time of issue and holds for
	// as long as the session lives.
	Context []Fact
	// Lease is that of the instance whose host was given the session: the session is
	// worth nothing without it. It is empty for any other session.
	Lease string
	// Region is that instance's, if its grant names one.
	Region string
}

// Tag is a session tag.
type Tag struct {
	Key, Value string
	// Transitive tags go on to the sessions that are bought with this one.
	Transitive bool
}

// Fact is a condition key and its value.
type Fact struct {
	Key, Value string
	// Listed is set for one of the values of a key that is a list.
	Listed bool
}

// Restricted reports whether the session has a session policy.
func (c *Claims) Restricted() bool { return c.Policy != "" || len(c.PolicyARNs) > 0 }

// A claim is written as its tag, the length of its value and the value. Tags are
// never given a new meaning: tokens outlive an upgrade.
const (
	tagPrincipal      = 1
	tagAccount        = 2
	tagSessionName    = 3
	tagIssued         = 4
	tagExpires        = 5
	tagKind           = 6
	tagSourceIdentity = 7
	tagMFA            = 8
	tagProvider       = 9
	tagFact           = 10 // the key, with its length, and the value
	tagPacked         = 11 // the claims below, compressed
	tagPolicy         = 12
	tagPolicyARN      = 13
	tagTag            = 14 // as a fact
	tagTransitiveTag  = 15
	tagLease          = 16
	tagRegion         = 17
	tagListedFact     = 18
)

var errClaims = errors.New("malformed claims")

// appendField adds one claim to b.
func appendField(b []byte, tag uint64, value string) []byte {
	b = binary.AppendUvarint(b, tag)
	b = binary.AppendUvarint(b, uint64(len(value)))
	return append(b, value...)
}

func appendInstant(b []byte, tag uint64, t time.Time) []byte {
	var digits [binary.MaxVarintLen64]byte
	return appendField(b, tag, string(binary.AppendUvarint(digits[:0], uint64(t.Unix()))))
}

// pair is a key and a value as one value.
func pair(key, value string) string {
	return string(binary.AppendUvarint(nil, uint64(len(key)))) + key + value
}

// append adds the encoded claims to b, of which packed have been packed already. What
// is absent is left out.
func (c Claims) append(b, packed []byte) []byte {
	text := func(tag uint64, value string) {
		if value != "" {
			b = appendField(b, tag, value)
		}
	}
	text(tagPrincipal, c.Principal)
	text(tagAccount, c.Account)
	text(tagSessionName, c.SessionName)
	b = appendInstant(b, tagIssued, c.Issued)
	b = appendInstant(b, tagExpires, c.Expires)
	if c.Kind != AssumedRole {
		text(tagKind, string([]byte{byte(c.Kind)}))
	}
	text(tagSourceIdentity, c.SourceIdentity)
	if !c.MFA.IsZero() {
		b = appendInstant(b, tagMFA, c.MFA)
	}
	text(tagProvider, c.Provider)
	text(tagLease, c.Lease)
	text(tagRegion, c.Region)
	for _, f := range c.Context {
		tag := uint64(tagFact)
		if f.Listed {
			tag = tagListedFact
		}
		text(tag, pair(f.Key, f.Value))
	}
	text(tagPacked, string(packed))
	return b
}

// parseClaims decodes what append wrote. A tag that it does not know is an
// error: it may be a restriction of the session, made by a newer core.
func parseClaims(b []byte) (Claims, error) {
	var c Claims
	if err := eachField(b, c.set); err != nil {
		return Claims{}, err
	}
	named := c.Kind == AssumedRole || c.Kind == FederatedUser
	if c.Kind > AssumedRoot || c.Principal == "" || c.Account == "" || named != (c.SessionName != "") || c.Expires.IsZero() {
		return Claims{}, errClaims
	}
	return c, nil
}

// eachField calls set with every claim of b.
func eachField(b []byte, set func(tag uint64, value string) error) error {
	for len(b) > 0 {
		tag, n := binary.Uvarint(b)
		if n <= 0 {
			return errClaims
		}
		size, m := binary.Uvarint(b[n:])
		if m <= 0 || size > uint64(len(b)-n-m) {
			return errClaims
		}
		if err := set(tag, string(b[n+m:][:size])); err != nil {
			return err
		}
		b = b[n+m+int(size):]
	}
	return nil
}

func (c *Claims) set(tag uint64, value string) (err error) {
	switch tag {
	case tagPrincipal:
		c.Principal = value
	case tagAccount:
		c.Account = value
	case tagSessionName:
		c.SessionName = value
	case tagLease:
		c.Lease = value
	case tagRegion:
		c.Region = value
	case tagIssued:
		c.Issued, err = parseInstant(value)
	case tagExpires:
		c.Expires, err = parseInstant(value)
	case tagKind:
		if len(value) != 1 {
			return errClaims
		}
		c.Kind = Kind(value[0])
	case tagSourceIdentity:
		c.SourceIdentity = value
	case tagMFA:
		c.MFA, err = parseInstant(value)
	case tagProvider:
		c.Provider = value
	case tagFact, tagListedFact:
		var f Fact
		f.Key, f.Value, err = parsePair(value)
		f.Listed = tag == tagListedFact
		c.Context = append(c.Context, f)
	case tagPacked:
		err = c.unpack(value)
	default:
		return fmt.Errorf("%w: tag %d", errClaims, tag)
	}
	return err
}

func parseInstant(value string) (time.Time, error) {
	seconds, n := binary.Uvarint([]byte(value))
	if n != len(value) {
		return time.Time{}, errClaims
	}
	return time.Unix(int64(seconds), 0).UTC(), nil
}

func parsePair(value string) (key, rest string, err error) {
	size, n := binary.Uvarint([]byte(value))
	if n <= 0 || size > uint64(len(value)-n) {
		return "", "", errClaims
	}
	return value[n:][:size], value[n+int(size):], nil
}
