package saml

import (
	"time"

	"github.com/beevik/etree"
)

// Assertion is what a provider asserts of a person, after all of it has been verified.
type Assertion struct {
	// Issuer is the provider's entityID.
	Issuer string
	// Subject is the NameID, and Format its format, a URI.
	Subject, Format string
	// Recipient is that of the SubjectConfirmationData.
	Recipient string
	// Attributes are those with a text for a value, in the order that they came.
	Attributes []Attribute
	// SessionEnds is the earliest SessionNotOnOrAfter; zero for none.
	SessionEnds time.Time
}

// Attribute has a name and the values that are texts.
type Attribute struct {
	Name   string
	Values []string
}

// Values are those of all attributes of the name.
func (a *Assertion) Values(name string) []string {
	var values []string
	for _, attribute := range a.Attributes {
		if attribute.Name == name {
			values = append(values, attribute.Values...)
		}
	}
	return values
}

// unspecified is the format of a NameID that does not say its own (saml-core-2.0-os
// section 8.3.1).
const unspecified = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"

// maxSubject bounds a NameID, in bytes. A persistent or transient one has at most 256
// characters (saml-core-2.0-os sections 8.3.7 and 8.3.8).
const maxSubject = 512

// readSubject reads who the assertion is about.
func (a *Assertion) readSubject(subject *etree.Element) error {
	e := one(subject, nsAssertion, "NameID")
	name, plain := text(e)
	if !plain || name == "" || len(name) > maxSubject {
		return &Error{Kind: Nameless, Message: textSubject, Reason: "its Subject has no NameID, or one that is too long"}
	}
	a.Subject, a.Format = name, attribute(e, "Format")
	if a.Format == "" {
		a.Format = unspecified
	}
	return nil
}

// readAttributes reads all AttributeStatements. A value with elements in it is no text
// and left out.
func (a *Assertion) readAttributes(assertion *etree.Element) {
	for _, statement := range all(assertion, nsAssertion, "AttributeStatement") {
		for _, e := range all(statement, nsAssertion, "Attribute") {
			own := Attribute{Name: attribute(e, "Name")}
			for _, v := range all(e, nsAssertion, "AttributeValue") {
				if value, plain := text(v); plain {
					own.Values = append(own.Values, value)
				}
			}
			a.Attributes = append(a.Attributes, own)
		}
	}
}
