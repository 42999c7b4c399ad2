package saml

import (
	"time"

	"github.com/beevik/etree"
)

const (
	// maxAge is how old an assertion may be, as at AWS. Until then it may be redeemed for
	// one role after the other.
	maxAge = 5 * time.Minute

	// maxSkew is how far a provider's clock may be ahead of ours. An assertion's end is
	// not put off by it.
	maxSkew = time.Minute

	statusSuccess = "urn:oasis:names:tc:SAML:2.0:status:Success"
	methodBearer  = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
)

// checkResponse checks what the response itself says. It is not the assertion, and may
// not be signed: it can only be refused for it.
func checkResponse(response *etree.Element, want Expected) error {
	status := attribute(one(one(response, nsProtocol, "Status"), nsProtocol, "StatusCode"), "Value")
	if status != statusSuccess {
		return refuse(textStatus, "its status is %q", status)
	}
	if to := attribute(response, "Destination"); to != "" && !names(want.Recipients, to) {
		return refuse(textRecipient, "its Destination is %q, ours are %q", to, want.Recipients)
	}
	return nil
}

// checkAge refuses an assertion that is too old to be presented.
func checkAge(assertion *etree.Element, now time.Time) error {
	issued, err := instant(attribute(assertion, "IssueInstant"))
	switch {
	case err != nil || issued.IsZero():
		return refuse(textMalformed, "its assertion has no IssueInstant")
	case now.Sub(issued) > maxAge:
		return expired(textAge, "it was issued at %s", issued.UTC().Format(time.RFC3339))
	case issued.Sub(now) > maxSkew:
		return refuse(textMalformed, "it was issued at %s, which is in the future: check the clocks", issued.UTC().Format(time.RFC3339))
	}
	return nil
}

// window checks NotBefore and NotOnOrAfter.
func window(e *etree.Element, now time.Time) error {
	from, err := instant(attribute(e, "NotBefore"))
	if err != nil {
		return refuse(textMalformed, "its NotBefore: %v", err)
	}
	until, err := instant(attribute(e, "NotOnOrAfter"))
	if err != nil {
		return refuse(textMalformed, "its NotOnOrAfter: %v", err)
	}
	if from.Sub(now) > maxSkew {
		return refuse(textMalformed, "it is not good before %s: check the clocks", from.UTC().Format(time.RFC3339))
	}
	if !until.IsZero() && !now.Before(until) {
		return expired(textExpired, "it was good until %s", until.UTC().Format(time.RFC3339))
	}
	return nil
}

// checkConditions checks the Conditions of an assertion. One that is not known makes it
// indeterminate, and so refused (saml-core-2.0-os section 2.5.1.1). OneTimeUse and
// ProxyRestriction bind whoever stores assertions or passes them on, which is not done.
func checkConditions(conditions *etree.Element, want Expected) error {
	if conditions == nil {
		return refuse(textAudience, "it has no Conditions")
	}
	if err := window(conditions, want.Now); err != nil {
		return err
	}
	restricted := false
	for _, c := range conditions.ChildElements() {
		switch {
		case is(c, nsAssertion, "AudienceRestriction"):
			restricted = true
			ours := false
			for _, audience := range all(c, nsAssertion, "Audience") {
				ours = ours || names(want.Audiences, trimmed(audience))
			}
			if !ours {
				return refuse(textAudience, "its audience is none of %q", want.Audiences)
			}
		case is(c, nsAssertion, "OneTimeUse"), is(c, nsAssertion, "ProxyRestriction"):
		default:
			return refuse(textMalformed, "it has a condition that is not known: %s", c.Tag)
		}
	}
	if !restricted {
		return refuse(textAudience, "it has no AudienceRestriction")
	}
	return nil
}

// checkConfirmation checks that whoever brings the assertion may bring it to us
// (saml-profiles-2.0-os section 4.1.4.2).
func (a *Assertion) checkConfirmation(subject *etree.Element, want Expected) error {
	confirmation := one(subject, nsAssertion, "SubjectConfirmation")
	data := one(confirmation, nsAssertion, "SubjectConfirmationData")
	if attribute(confirmation, "Method") != methodBearer || attribute(data, "NotOnOrAfter") == "" || attribute(data, "Recipient") == "" {
		return refuse(textSubject, "it has not exactly that")
	}
	if a.Recipient = attribute(data, "Recipient"); !names(want.Recipients, a.Recipient) {
		return refuse(textRecipient, "its Recipient is %q, ours are %q", a.Recipient, want.Recipients)
	}
	return window(data, want.Now)
}

// checkAuthentication asks for an AuthnStatement, and notes when the person's session at
// the provider ends.
func (a *Assertion) checkAuthentication(assertion *etree.Element, now time.Time) error {
	statements := all(assertion, nsAssertion, "AuthnStatement")
	if len(statements) == 0 {
		return refuse(textAuthn, "it has none")
	}
	for _, s := range statements {
		end, err := instant(attribute(s, "SessionNotOnOrAfter"))
		if err != nil {
			return refuse(textMalformed, "its SessionNotOnOrAfter: %v", err)
		}
		if !end.IsZero() && !now.Before(end) {
			return expired(textExpired, "the session at the provider ended at %s", end.UTC().Format(time.RFC3339))
		}
		if a.SessionEnds.IsZero() || !end.IsZero() && end.Before(a.SessionEnds) {
			a.SessionEnds = end
		}
	}
	return nil
}
