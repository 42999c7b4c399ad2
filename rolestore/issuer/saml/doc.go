// Package saml verifies the responses of SAML 2.0 identity providers
// (https://docs.oasis-open.org/security/saml/v2.0/saml-core-2.0-os.pdf, and the Web
// Browser SSO profile of saml-profiles-2.0-os.pdf, section 4.1), as
// AssumeRoleWithSAML takes them.
//
// A response passes, in this order:
//
//	document   is it plain XML: no DTD, no comment, no id twice?   document.go
//	structure  one assertion, and signatures only where they belong  structure.go
//	signature  by a key of the provider's metadata                 signature.go
//	secrecy    an encrypted assertion is decrypted, and its own
//	           signature verified                                  encryption.go
//	reading    of the canonical bytes that were signed             assertion.go
//	conditions issuer, audience, recipient, times                  conditions.go
//
// What is read is what was signed: after its signature has been verified, an element
// is parsed again from the very octets whose digest was compared, and the document as
// it came is not looked at any more. So no two parsers have to agree on where an
// element is or what it says. KeyInfo is never looked at: keys come of the metadata
// alone, and each of them is tried, so that a provider can change its certificate
// while both are in its metadata.
//
// Canonicalization is goxmldsig's. Its verification is not used: it picks one of
// several references, takes the certificate from KeyInfo, and does not know the form
// of ECDSA signatures that RFC 4050 asks for.
//
// Nothing here asks for a clock, a network or a file; [Provider.Verify] is safe for
// concurrent use.
package saml
