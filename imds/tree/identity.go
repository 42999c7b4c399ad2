package tree

import (
	"github.com/rolecall/rolecall/rolestore"
	"github.com/rolecall/rolecall/rolestore/identity"
)

// The instance identity document, from which SDKs take their region, and what signs it
// (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-identity-documents.html).
const (
	identityDirectory = "dynamic/instance-identity/"
	identitySince     = "2009-04-04"
)

// addIdentity adds the document as it was signed, or, if it was not, as it is going to
// be: then it is worth no more than the other leaves, and its signatures are not listed.
func (t *Tree) addIdentity(i rolestore.Instance, s identity.Signed) {
	leaf := func(name string, body []byte) {
		t.add(identityDirectory+name, &node{since: identitySince, Node: Node{Body: body}})
	}
	if s == (identity.Signed{}) {
		leaf("document", []byte(identity.Of(i).Text()))
		return
	}
	leaf("document", []byte(s.Document))
	leaf("signature", []byte(s.Signature))
	pkcs7 := []byte(s.PKCS7)
	leaf("pkcs7", pkcs7)
	leaf("rsa2048", pkcs7)
}

// IsSignature reports whether path is that of what signs the identity document, be it
// there or not.
func IsSignature(path string) bool {
	version, rest := Split(path)
	if !IsVersion(version) || version < identitySince {
		return false
	}
	switch rest {
	case identityDirectory + "signature", identityDirectory + "pkcs7", identityDirectory + "rsa2048":
		return true
	}
	return false
}
