// Package samltest is a SAML identity provider for tests: its responses are signed by
// xmlsec1 (https://www.aleksey.com/xmlsec/), which has nothing in common with the
// verification that is tested. It must not import package saml.
package samltest
