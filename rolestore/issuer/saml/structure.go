package saml

import (
	"errors"

	"github.com/beevik/etree"
)

// parts are the elements of a response that everything hangs on.
type parts struct {
	response  *etree.Element
	assertion *etree.Element // or EncryptedAssertion
	signature *etree.Element // of the response; nil if it is not signed
}

func (p parts) encrypted() bool { return p.assertion.Tag == "EncryptedAssertion" }

// dissect finds the parts of a response. Attacks by wrapping need a second place for
// something of which there is to be one; so there is none: one assertion in the whole
// document, a child of the response, and a signature nowhere but in what it signs.
func dissect(root *etree.Element) (p parts, err error) {
	if !is(root, nsProtocol, "Response") {
		return p, errors.New("it is not a Response")
	}
	if attribute(root, "Version") != "2.0" {
		return p, errors.New("it is not of SAML 2.0")
	}
	p.response = root
	assertions := append(all(root, nsAssertion, "Assertion"), all(root, nsAssertion, "EncryptedAssertion")...)
	if len(assertions) != 1 {
		return p, errors.New("it does not have exactly one assertion")
	}
	p.assertion = assertions[0]
	if err := p.check(root); err != nil {
		return p, err
	}
	p.signature = one(root, nsSignature, "Signature")
	return p, nil
}

// check looks for second ones, below e.
func (p parts) check(e *etree.Element) error {
	signatures := 0
	for _, child := range e.ChildElements() {
		switch namespace := child.NamespaceURI(); {
		case namespace == nsAssertion && (child.Tag == "Assertion" || child.Tag == "EncryptedAssertion") && child != p.assertion,
			namespace == nsProtocol && child.Tag == "Response":
			return errors.New("it has more than one assertion")
		case namespace == nsSignature && child.Tag == "Signature":
			if signatures++; signatures > 1 || e != p.response && (e != p.assertion || p.encrypted()) {
				return errors.New("it has a signature where none belongs")
			}
			if err := checkSignature(child); err != nil {
				return err
			}
		}
		if err := p.check(child); err != nil {
			return err
		}
	}
	return nil
}

// checkSignature refuses a Signature with more in it than it needs, in particular an
// Object, in which anything can be hidden.
func checkSignature(signature *etree.Element) error {
	counts := map[string]int{}
	for _, child := range signature.ChildElements() {
		if child.NamespaceURI() != nsSignature {
			return errors.New("its signature has an element that does not belong there")
		}
		counts[child.Tag]++
	}
	others := len(signature.ChildElements()) - counts["SignedInfo"] - counts["SignatureValue"] - counts["KeyInfo"]
	if counts["SignedInfo"] != 1 || counts["SignatureValue"] != 1 || counts["KeyInfo"] > 1 || others != 0 {
		return errors.New("its signature does not consist of SignedInfo, SignatureValue and KeyInfo")
	}
	return nil
}
