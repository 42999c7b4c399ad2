package session

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// Claims are what a session is: who holds it and for how long. Everything else,
// such as what he may do, is looked up when the session is used.
type Claims struct {
	// Principal is the unique id of the role, AROA and 17 more characters.
	Principal string
	// Account is the account that owns the role, twelve digits.
	Account string
	// SessionName is the RoleSessionName, 2 to 64 characters.
	SessionName string
	// Issued and Expires bound the session; UTC, whole seconds.
	Issued  time.Time
	Expires time.Time
	// Lease is that of the instance whose host was given the session: the session is
	// worth nothing without it. It is empty for any other session.
	Lease string
	// Tags are the session's own.
	Tags []Tag
}

// Tag is a session tag.
type Tag struct{ Key, Value string }

// A claim is written as its tag, the length of its value and the value. Tags are
// never given a new meaning: tokens outlive an upgrade.
const (
	tagPrincipal   = 1
	tagAccount     = 2
	tagSessionName = 3
	tagIssued      = 4
	tagExpires     = 5
	tagTag         = 14 // the key, with its length, and the value
	tagLease       = 16
)

var errClaims = errors.New("malformed claims")

// append adds the encoded claims to b.
func (c Claims) append(b []byte) []byte {
	field := func(tag uint64, value string) {
		b = binary.AppendUvarint(b, tag)
		b = binary.AppendUvarint(b, uint64(len(value)))
		b = append(b, value...)
	}
	instant := func(t time.Time) string {
		return string(binary.AppendUvarint(nil, uint64(t.Unix())))
	}
	field(tagPrincipal, c.Principal)
	field(tagAccount, c.Account)
	field(tagSessionName, c.SessionName)
	field(tagIssued, instant(c.Issued))
	field(tagExpires, instant(c.Expires))
	if c.Lease != "" {
		field(tagLease, c.Lease)
	}
	for _, t := range c.Tags {
		field(tagTag, string(binary.AppendUvarint(nil, uint64(len(t.Key))))+t.Key+t.Value)
	}
	return b
}

// parseClaims decodes what append wrote. A tag that it does not know is an
// error: it may be a restriction of the session, made by a newer core.
func parseClaims(b []byte) (Claims, error) {
	var c Claims
	for len(b) > 0 {
		tag, n := binary.Uvarint(b)
		if n <= 0 {
			return Claims{}, errClaims
		}
		size, m := binary.Uvarint(b[n:])
		if m <= 0 || size > uint64(len(b)-n-m) {
			return Claims{}, errClaims
		}
		value := b[n+m:][:size]
		b = b[n+m+int(size):]
		switch tag {
		case tagPrincipal:
			c.Principal = string(value)
		case tagAccount:
			c.Account = string(value)
		case tagSessionName:
			c.SessionName = string(value)
		case tagLease:
			c.Lease = string(value)
		case tagTag:
			size, n := binary.Uvarint(value)
			if n <= 0 || size > uint64(len(value)-n) {
				return Claims{}, errClaims
			}
			c.Tags = append(c.Tags, Tag{string(value[n:][:size]), string(value[n+int(size):])})
		case tagIssued, tagExpires:
			seconds, n := binary.Uvarint(value)
			if n != len(value) {
				return Claims{}, errClaims
			}
			if tag == tagIssued {
				c.Issued = time.Unix(int64(seconds), 0).UTC()
			} else {
				c.Expires = time.Unix(int64(seconds), 0).UTC()
			}
		default:
			return Claims{}, fmt.Errorf("%w: tag %d", errClaims, tag)
		}
	}
	if c.Principal == "" || c.Account == "" || c.SessionName == "" || c.Expires.IsZero() {
		return Claims{}, errClaims
	}
	return c, nil
}
