package saml

import "fmt"

// Kind is what sort of refusal it is.
type Kind int

const (
	// Invalid is a response that is not one, or not for us, or not of the provider.
	Invalid Kind = iota
	// Expired is a response that was good once.
	Expired
	// Nameless is a response that does not say who it is about.
	Nameless
)

// Error is why a response is refused.
type Error struct {
	Kind Kind
	// Message is AWS's text, for the caller. Those who do not hold an assertion of the
	// provider learn nothing from it that is not in their own document.
	Message string
	// Reason is for the operator's log alone.
	Reason string
}

// Error implements error.
func (e *Error) Error() string { return e.Message + ": " + e.Reason }

func refuse(message, format string, args ...any) *Error {
	return &Error{Message: message, Reason: fmt.Sprintf(format, args...)}
}

func expired(message, format string, args ...any) *Error {
	return &Error{Kind: Expired, Message: message, Reason: fmt.Sprintf(format, args...)}
}

// AWS's texts, as far as they are known.
const (
	textSignature = "Response signature invalid"
	textIssuer    = "Issuer not present in specified provider"
	textAudience  = "Response does not contain the required audience."
	textExpired   = "Response has expired"
	textAge       = "Token must be redeemed within 5 minutes of issuance"
	textMalformed = "The SAML response is not valid."
	textStatus    = "The SAML response does not say that the authentication succeeded."
	textRecipient = "The recipient of the SAML response is not this service."
	textSubject   = "The SAML response must have exactly one SubjectConfirmation, of the method bearer, with SubjectConfirmationData that has NotOnOrAfter and Recipient."
	textAuthn     = "The SAML response must have an AuthnStatement."
	textEncrypted = "The assertion of the SAML response must be encrypted for this provider."
)
