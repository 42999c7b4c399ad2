package sts

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/rolecall/rolecall/rolestore/issuer/directory"
	"github.com/rolecall/rolecall/rolestore/issuer/front"
)

// jwk is a public key (RFC 7517). The members of a thumbprint come first and in
// alphabetic order, and those that a kind of key lacks are left out.
type jwk struct {
	Curve     string `json:"crv,omitempty"`
	E         string `json:"e,omitempty"`
	Type      string `json:"kty"`
	N         string `json:"n,omitempty"`
	X         string `json:"x,omitempty"`
	Y         string `json:"y,omitempty"`
	ID        string `json:"kid,omitempty"`
	Use       string `json:"use,omitempty"`
	Algorithm string `json:"alg,omitempty"`
}

func base64URL(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// publicJWK returns the members that make a key what it is (RFC 7518 section 6).
func publicJWK(key crypto.PublicKey) jwk {
	switch k := key.(type) {
	case *rsa.PublicKey:
		return jwk{Type: "RSA", N: base64URL(k.N.Bytes()), E: base64URL(big.NewInt(int64(k.E)).Bytes())}
	case *ecdsa.PublicKey:
		point, err := k.Bytes() // 4, x and y (SEC 1 section 2.3.3)
		if err != nil {
			return jwk{}
		}
		half := len(point) / 2
		return jwk{Type: "EC", Curve: k.Params().Name, X: base64URL(point[1 : 1+half]), Y: base64URL(point[1+half:])}
	}
	return jwk{}
}

// thumbprint is the key's id, the same for as long as it is the same key (RFC 7638).
func thumbprint(key crypto.PublicKey) string {
	text, _ := json.Marshal(publicJWK(key)) // strings always marshal
	sum := sha256.Sum256(text)
	return base64URL(sum[:])
}

// issuerURL is the issuer of an account's tokens, below which its keys are found.
func (s *Server) issuerURL(id string) string { return s.config.URL + "/" + id }

// discovery serves what a party outside needs to verify tokens, to anybody (OpenID
// Connect Discovery 1.0 section 4). Which accounts there are does not show in it.
func (s *Server) discovery(door *front.Server) {
	door.Publish("/:issuer/.well-known/openid-configuration", s.published(func(issuer string, _ *directory.Snapshot) any {
		return gin.H{
			"issuer": issuer, "jwks_uri": issuer + "/.well-known/jwks.json",
			"response_types_supported": []string{"id_token"}, "subject_types_supported": []string{"public"},
			"id_token_signing_alg_values_supported": []string{directory.RS256, directory.ES384},
			"claims_supported":                      []string{"iss", "sub", "aud", "exp", "iat", "jti", ownClaims},
		}
	}))
	door.Publish("/:issuer/.well-known/jwks.json", s.published(func(_ string, d *directory.Snapshot) any {
		keys := []jwk{}
		for _, k := range d.TokenKeys() {
			key := publicJWK(k.Signer.Public())
			key.ID, key.Use, key.Algorithm = thumbprint(k.Signer.Public()), "sig", k.Algorithm
			keys = append(keys, key)
		}
		return gin.H{"keys": keys}
	}))
}

// published serves a document of an issuer that there is.
func (s *Server) published(document func(issuer string, d *directory.Snapshot) any) gin.HandlerFunc {
	return func(g *gin.Context) {
		d, id := s.config.Directory.Snapshot(), g.Param("issuer")
		if s.config.URL == "" || !d.HasTokenIssuer(id) {
			g.AbortWithStatus(http.StatusNotFound)
			return
		}
		g.JSON(http.StatusOK, document(s.issuerURL(id), d))
	}
}
