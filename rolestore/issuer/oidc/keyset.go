package oidc

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"encoding/json"
	"fmt"

	"github.com/MicahParks/jwkset"
)

const (
	// maxKeys bounds the keys of each type, as IAM does
	// (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc.html).
	maxKeys = 100

	// The least RSA key is RFC 7518's, section 3.3; the largest bounds what a token costs.
	minRSA, maxRSA = 2048, 8192 // bits
)

// keySet are the keys of a provider, by id. Those without an id are below the empty one.
type keySet map[string][]verifier

// verifier is one public key, and the one algorithm that it is for, if it says so.
type verifier struct {
	key       any // *rsa.PublicKey or *ecdsa.PublicKey
	algorithm string
}

// parseKeySet reads a JSON Web Key Set (RFC 7517 section 5). Keys that nothing here can
// be verified by, of other types, sizes or uses, are left out, as the RFC asks.
func parseKeySet(b []byte) (keySet, error) {
	var document struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(b, &document); err != nil || document.Keys == nil {
		return nil, fmt.Errorf("%w: the key set is no JSON Web Key Set", ErrKeys)
	}
	set, rsas, curves := keySet{}, 0, 0
	for _, raw := range document.Keys {
		kid, v, ok := parseKey(raw)
		if !ok {
			continue
		}
		if _, isRSA := v.key.(*rsa.PublicKey); isRSA {
			rsas++
		} else {
			curves++
		}
		set[kid] = append(set[kid], v)
	}
	if rsas > maxKeys || curves > maxKeys {
		return nil, fmt.Errorf("%w: the key set has more than %d keys of one type", ErrKeys, maxKeys)
	}
	return set, nil
}

func parseKey(raw json.RawMessage) (kid string, v verifier, ok bool) {
	j, err := jwkset.NewJWKFromRawJSON(raw, jwkset.JWKMarshalOptions{}, jwkset.JWKValidateOptions{})
	if err != nil {
		return "", verifier{}, false
	}
	m := j.Marshal()
	if m.USE != "" && m.USE != jwkset.UseSig {
		return "", verifier{}, false
	}
	switch key := j.Key().(type) {
	case *rsa.PublicKey:
		if bits := key.N.BitLen(); bits < minRSA || bits > maxRSA {
			return "", verifier{}, false
		}
	case *ecdsa.PublicKey:
	default:
		return "", verifier{}, false
	}
	return m.KID, verifier{j.Key(), string(m.ALG)}, true
}

// find returns the key of that id for the algorithm. A token without an id is for the
// only key that there is for its algorithm (OpenID Connect Core section 10.1).
func (s keySet) find(kid, algorithm string) (any, bool) {
	candidates := s[kid]
	if kid == "" {
		candidates = nil
		for _, keys := range s {
			candidates = append(candidates, keys...)
		}
	}
	var found any
	for _, v := range candidates {
		if !v.fits(algorithm) {
			continue
		}
		if found != nil {
			return nil, false // which of them is not for a stranger to try out
		}
		found = v.key
	}
	return found, found != nil
}

// curveBits are the sizes of the curves (RFC 7518 section 3.4).
var curveBits = map[string]int{"ES256": 256, "ES384": 384, "ES512": 521}

// fits reports whether the key is one of the algorithm's.
func (v verifier) fits(algorithm string) bool {
	if v.algorithm != "" && v.algorithm != algorithm {
		return false
	}
	if curve, ok := v.key.(*ecdsa.PublicKey); ok {
		return curve.Params().BitSize == curveBits[algorithm]
	}
	return algorithm[0] == 'R'
}
