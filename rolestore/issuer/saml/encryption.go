package saml

import (
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rsa"
	"errors"
	"strings"

	"github.com/beevik/etree"
)

// Algorithms (https://www.w3.org/TR/xmlenc-core1/, sections 5.2 and 5.5).
const (
	ns11          = "http://www.w3.org/2009/xmlenc11#"
	oaepMGF1SHA1  = nsEncryption + "rsa-oaep-mgf1p"
	oaep          = ns11 + "rsa-oaep"
	maxRecipients = 4 // of an encrypted assertion: each costs a private operation
)

// ciphers are the sizes of the keys of those that are taken, in bytes.
var ciphers = map[string]struct {
	key int
	gcm bool
}{
	nsEncryption + "aes128-cbc": {16, false},
	nsEncryption + "aes192-cbc": {24, false},
	nsEncryption + "aes256-cbc": {32, false},
	ns11 + "aes128-gcm":         {16, true},
	ns11 + "aes192-gcm":         {24, true},
	ns11 + "aes256-gcm":         {32, true},
}

var maskHashes = map[string]crypto.Hash{
	"":                  crypto.SHA1,
	ns11 + "mgf1sha1":   crypto.SHA1,
	ns11 + "mgf1sha256": crypto.SHA256,
	ns11 + "mgf1sha384": crypto.SHA384,
	ns11 + "mgf1sha512": crypto.SHA512,
}

// errDecryption is the one error of everything between a ciphertext and a verified
// signature: two would tell somebody who tries many what he hit upon
// (https://www.w3.org/TR/xmlenc-core1/#sec-chosen-ciphertext-attacks).
var errDecryption = errors.New("its assertion cannot be decrypted by the provider's private keys, or what comes out is not a signed assertion")

// decrypt returns the assertion in an EncryptedAssertion. The key of the content is
// encrypted by RSA-OAEP only: with PKCS #1 v1.5 the answers would give it away.
func (p *Provider) decrypt(e *etree.Element) (*etree.Element, error) {
	data := one(e, nsEncryption, "EncryptedData")
	if data == nil {
		return nil, errDecryption
	}
	wrapped := all(e, nsEncryption, "EncryptedKey") // beside the data, or in its KeyInfo
	if info := one(data, nsSignature, "KeyInfo"); info != nil {
		wrapped = append(wrapped, all(info, nsEncryption, "EncryptedKey")...)
	}
	c, known := ciphers[attribute(one(data, nsEncryption, "EncryptionMethod"), "Algorithm")]
	sealed, err := cipherValue(data)
	if err != nil || !known || len(wrapped) > maxRecipients {
		return nil, errDecryption
	}
	for _, w := range wrapped {
		for _, private := range p.Keys {
			key, err := unwrap(w, private)
			if err != nil || len(key) != c.key {
				continue
			}
			plain, err := open(key, sealed, c.gcm)
			if err != nil {
				continue
			}
			if assertion, err := parse(plain, strict); err == nil && is(assertion, nsAssertion, "Assertion") {
				return assertion, nil
			}
		}
	}
	return nil, errDecryption
}

func cipherValue(e *etree.Element) ([]byte, error) {
	return decodeBase64(trimmed(one(one(e, nsEncryption, "CipherData"), nsEncryption, "CipherValue")))
}

// unwrap decrypts an EncryptedKey.
func unwrap(e *etree.Element, private *rsa.PrivateKey) ([]byte, error) {
	method := one(e, nsEncryption, "EncryptionMethod")
	hash, mask := crypto.SHA1, crypto.SHA1 // what both stand for where nothing is said
	if digest := one(method, nsSignature, "DigestMethod"); digest != nil {
		hash = digests[attribute(digest, "Algorithm")]
	}
	switch attribute(method, "Algorithm") {
	case oaepMGF1SHA1:
	case oaep:
		mask = maskHashes[attribute(one(method, ns11, "MGF"), "Algorithm")]
	default:
		return nil, errDecryption
	}
	sealed, err := cipherValue(e)
	if err != nil || hash == 0 || mask == 0 || one(method, nsEncryption, "OAEPparams") != nil {
		return nil, errDecryption
	}
	return private.Decrypt(nil, sealed, &rsa.OAEPOptions{Hash: hash, MGFHash: mask})
}

// open decrypts content, whose nonce or initialization vector comes before it.
func open(key, sealed []byte, gcm bool) ([]byte, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	if gcm {
		aead, err := cipher.NewGCM(block)
		if err != nil || len(sealed) < aead.NonceSize() {
			return nil, errDecryption
		}
		return aead.Open(nil, sealed[:aead.NonceSize()], sealed[aead.NonceSize():], nil)
	}
	if len(sealed) < 2*aes.BlockSize || len(sealed)%aes.BlockSize != 0 {
		return nil, errDecryption
	}
	plain := make([]byte, len(sealed)-aes.BlockSize)
	cipher.NewCBCDecrypter(block, sealed[:aes.BlockSize]).CryptBlocks(plain, sealed[aes.BlockSize:])
	padding := int(plain[len(plain)-1]) // of which only the length counts
	if padding < 1 || padding > aes.BlockSize {
		return nil, errDecryption
	}
	return plain[:len(plain)-padding], nil
}

// sealedWithin reports whether e has an element that is encrypted by itself, such as an
// EncryptedID or an EncryptedAttribute.
func sealedWithin(e *etree.Element) bool {
	for _, child := range e.ChildElements() {
		if child.NamespaceURI() == nsAssertion && strings.HasPrefix(child.Tag, "Encrypted") || sealedWithin(child) {
			return true
		}
	}
	return false
}
