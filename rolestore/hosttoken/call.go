package hosttoken

import (
	"crypto/ecdsa"
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// CallType is the header's typ of a token for a call of the core's host API. It buys
// no credentials, and [Type] makes no call.
const CallType = "rolecall-call+jwt"

// Call is one request of a host's to its core.
type Call struct {
	// Host is the id of the host that asks (iss), and Core that of its core (aud).
	Host, Core string
	// Method and Path are the request's own: the claims htm and htu, as RFC 9449
	// section 4.2 calls them.
	Method, Path string
	// Once is the token's own name (jti), and Issued its iat. SignCall makes both.
	Once   string
	Issued time.Time
}

type callWire struct {
	jwt.RegisteredClaims
	Method string `json:"htm"`
	Path   string `json:"htu"`
}

// SignCall returns the token for c, good for [MaxLifetime] from now on.
func SignCall(key *ecdsa.PrivateKey, c Call, now time.Time) (string, error) {
	return sign(key, CallType, callWire{registered(c.Host, c.Core, "", now), c.Method, c.Path})
}

// VerifyCall returns the call that the token is for. keyOf is as for [Verify], and
// so are the errors.
func VerifyCall(token, core string, keyOf func(host string) *ecdsa.PublicKey, now time.Time) (Call, error) {
	var w callWire
	if err := parse(token, CallType, core, &w, keyOf, now); err != nil {
		return Call{}, err
	}
	err := brief(w.RegisteredClaims, now)
	if err == nil && (w.Method == "" || w.Path == "") {
		err = errors.New("htm and htu are required")
	}
	if err != nil {
		return Call{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return Call{Host: w.Issuer, Core: core, Method: w.Method, Path: w.Path, Once: w.ID, Issued: w.IssuedAt.Time}, nil
}
