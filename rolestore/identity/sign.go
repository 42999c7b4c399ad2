package identity

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/smallstep/pkcs7"
)

const (
	// signatureLine is how many characters EC2 puts on a line of base64 (RFC 2045
	// section 6.8), and pemLine how many PEM does (RFC 7468 section 2): pkcs7 becomes PEM
	// with a line before and one after.
	signatureLine = 76
	pemLine       = 64

	// minBits is EC2's size of RSA keys, which gives rsa2048 its name.
	minBits = 2048
)

// Signed is a document with what signs it: the bodies of document, signature and pkcs7.
type Signed struct {
	Document  string `json:"document"`
	Signature string `json:"signature"`
	PKCS7     string `json:"pkcs7"`
}

// CheckKey reports a certificate and key that documents cannot be signed with.
func CheckKey(certificate *x509.Certificate, key crypto.Signer) error {
	public, ok := certificate.PublicKey.(*rsa.PublicKey)
	switch {
	case !ok || public.N.BitLen() < minBits:
		return fmt.Errorf("identity documents are signed with RSA, and this key is another kind or shorter than %d bits: make one with `openssl req -x509 -newkey rsa:%[1]d`", minBits)
	case !public.Equal(key.Public()):
		return errors.New("the key is not that of the certificate")
	}
	return nil
}

// Sign signs a document. The same once more gives the same bytes.
func Sign(d Document, certificate *x509.Certificate, key crypto.Signer) (Signed, error) {
	if err := CheckKey(certificate, key); err != nil {
		return Signed{}, err
	}
	text := d.Text()
	sum := sha256.Sum256([]byte(text))
	signature, err := key.Sign(rand.Reader, sum[:], crypto.SHA256)
	if err != nil {
		return Signed{}, fmt.Errorf("sign identity document: %w", err)
	}
	wrapped, err := wrap(text, certificate, key)
	if err != nil {
		return Signed{}, fmt.Errorf("sign identity document: %w", err)
	}
	return Signed{Document: text, Signature: encode(signature, signatureLine), PKCS7: encode(wrapped, pemLine)}, nil
}

// wrap makes the SignedData. It has no signed attributes: then its signature is that of
// the document, and there is one thing to verify. (That nobody can have attributes
// signed that look like a document, or the other way round, is because the core signs
// texts alone that it has rendered.)
func wrap(text string, certificate *x509.Certificate, key crypto.Signer) ([]byte, error) {
	data, err := pkcs7.NewSignedData([]byte(text))
	if err != nil {
		return nil, err
	}
	data.SetDigestAlgorithm(pkcs7.OIDDigestAlgorithmSHA256)
	data.SetEncryptionAlgorithm(pkcs7.OIDEncryptionAlgorithmRSA)
	if err := data.SignWithoutAttr(certificate, key, pkcs7.SignerInfoConfig{}); err != nil {
		return nil, err
	}
	return data.Finish()
}

// encode is base64 in lines of so many characters, without a final newline.
func encode(b []byte, width int) string {
	text := base64.StdEncoding.EncodeToString(b)
	var lines []string
	for len(text) > width {
		lines, text = append(lines, text[:width]), text[width:]
	}
	return strings.Join(append(lines, text), "\n")
}
