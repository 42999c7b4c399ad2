package identity

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/smallstep/pkcs7"
)

// MaxFile is more than any of the forms has, in bytes.
const MaxFile = 64 << 10

// Part is what one of the forms says. Either member may be nil, not both.
type Part struct {
	// Document is the text, byte for byte.
	Document []byte
	// Signature is over the document: that of this part, or if it has none that of
	// another.
	Signature []byte
}

var (
	errForm    = errors.New("this is no identity document and none of its signatures: want what document, signature, pkcs7 or rsa2048 answers")
	errPKCS7   = errors.New("this is PKCS#7, but no identity document with one signature over it")
	errMembers = errors.New("the document is no JSON of names and values")
)

// Parse reads any of the forms: as the metadata service answers it, decoded from base64,
// or with the lines of PEM that AWS's user guide puts around it. It verifies nothing.
func Parse(data []byte) (Part, error) {
	switch text := bytes.TrimSpace(data); {
	case len(data) > MaxFile || len(text) == 0:
		return Part{}, errForm
	case text[0] == '{':
		return Part{Document: data}, nil // its spaces are signed too
	case bytes.HasPrefix(text, []byte("-----BEGIN")):
		block, _ := pem.Decode(text)
		if block == nil {
			return Part{}, errForm
		}
		return unwrap(block.Bytes)
	default:
		if decoded, err := base64.StdEncoding.DecodeString(string(text)); err == nil {
			data = decoded
		}
	}
	part, err := unwrap(data)
	if err != nil && len(data) >= minBits/8 && len(data)%64 == 0 && len(data) <= maxSignature {
		return Part{Signature: data}, nil // as long as an RSA key
	}
	return part, err
}

// maxSignature is that of a key of 8192 bits.
const maxSignature = 8192 / 8

// unwrap takes the document and its signature out of a SignedData.
func unwrap(der []byte) (Part, error) {
	const sequence = 0x30 // the first byte of a ContentInfo (X.690 section 8.9)
	if len(der) == 0 || der[0] != sequence {
		return Part{}, errForm
	}
	p, err := pkcs7.Parse(der)
	if err != nil || len(p.Signers) != 1 || len(p.Signers[0].AuthenticatedAttributes) > 0 || len(p.Content) == 0 {
		return Part{}, errPKCS7
	}
	return Part{Document: p.Content, Signature: p.Signers[0].EncryptedDigest}, nil
}

// Member is a member of a document.
type Member struct {
	Name string
	// Value is nil, a string or what else JSON has.
	Value any
}

// Members are those of a document, in its order. A name that is there twice is an
// error, for readers would disagree on which one counts.
func Members(document []byte) ([]Member, error) {
	decoder := json.NewDecoder(bytes.NewReader(document))
	if open, err := decoder.Token(); err != nil || open != json.Delim('{') {
		return nil, errMembers
	}
	var members []Member
	seen := map[string]bool{}
	for decoder.More() {
		token, err := decoder.Token()
		name, ok := token.(string)
		if err != nil || !ok {
			return nil, errMembers
		}
		if seen[name] {
			return nil, fmt.Errorf("the document has %q twice", name)
		}
		seen[name] = true
		m := Member{Name: name}
		if err := decoder.Decode(&m.Value); err != nil {
			return nil, errMembers
		}
		members = append(members, m)
	}
	if _, err := decoder.Token(); err != nil || decoder.InputOffset() != int64(len(bytes.TrimRight(document, " \t\r\n"))) {
		return nil, errMembers
	}
	return members, nil
}
