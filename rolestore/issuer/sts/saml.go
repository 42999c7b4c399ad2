package sts

import (
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/rolecall/rolecall/rolestore/issuer/directory"
	"github.com/rolecall/rolecall/rolestore/issuer/query"
	"github.com/rolecall/rolecall/rolestore/issuer/saml"
)

const withSAML = "sts:AssumeRoleWithSAML"

var (
	principalARNBounds  = query.Constraint{Name: "principalArn", Min: 20, Max: 2048}
	samlAssertionBounds = query.Constraint{Name: "sAMLAssertion", Min: 4, Max: 100000, Hidden: true}
)

// assumeRoleWithSAML gives a session of a role for the response of a SAML identity
// provider (https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithSAML.html).
func assumeRoleWithSAML(c *call) ([]query.Element, error) {
	p := newReader(c.Form)
	asked := federatedRequest{arn: p.roleARN()}
	principal := p.Required("PrincipalArn", principalARNBounds)
	if !arnPattern.MatchString(principal) {
		p.Mean(query.Validation("%s is invalid", principal))
	}
	encoded := p.Required("SAMLAssertion", samlAssertionBounds)
	asked.limits = p.limits(sessionPolicyBounds.Max)
	asked.life = p.duration(assumeRoleLife)
	if err := p.Err(); err != nil {
		return nil, err
	}
	provider, assertion, err := c.samlAssertion(principal, encoded)
	if err != nil {
		return nil, err
	}
	who, err := c.samlFederated(provider, assertion, &asked)
	if err != nil {
		return nil, err
	}
	return c.assumeFederated(who, asked)
}

// samlAssertion returns the provider of that ARN and what it asserts.
func (c *call) samlAssertion(principal, encoded string) (*directory.SAMLProvider, *saml.Assertion, error) {
	// The POST binding's base64 may have line breaks (saml-bindings-2.0-os section 3.5.4).
	document, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(encoded), ""))
	if err != nil {
		return nil, nil, query.BadRequest("InvalidIdentityToken", "Invalid base64 SAMLResponse")
	}
	provider := c.Directory.SAMLProvider(principal)
	if provider == nil {
		return nil, nil, query.BadRequest("InvalidIdentityToken", "Specified provider doesn't exist")
	}
	c.Who = principal
	assertion, err := provider.Verifier.Verify(document, c.samlExpected(provider))
	if err != nil {
		return nil, nil, explainSAML(err)
	}
	return provider, assertion, nil
}

// samlExpected is who we are to a provider: ourselves, unless it is configured to say
// somebody else, such as AWS. The URL with the provider's own id is the one that AWS has
// for encrypted assertions
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_saml_assertions.html).
func (c *call) samlExpected(p *directory.SAMLProvider) saml.Expected {
	want := saml.Expected{Recipients: p.Recipients, Audiences: p.Audiences, Now: c.Now}
	if len(want.Recipients) == 0 && c.config.URL != "" {
		own := c.config.URL + "/saml"
		want.Recipients = []string{own, own + "/acs/" + p.UniqueID}
	}
	if len(want.Audiences) == 0 && c.config.URL != "" {
		want.Audiences = []string{c.config.URL}
	}
	return want
}

// explainSAML words why a response is not believed. What was wrong with it is for the
// log.
func explainSAML(err error) error {
	var refusal *saml.Error
	if !errors.As(err, &refusal) {
		return err
	}
	e := &query.Error{Code: "InvalidIdentityToken", Message: refusal.Message, Status: http.StatusBadRequest, Reason: refusal.Reason}
	switch refusal.Kind {
	case saml.Expired:
		e.Code = "ExpiredTokenException"
	case saml.Nameless:
		return refuseSAML(refusal.Reason)
	case saml.Invalid:
	}
	return e
}

// refuseSAML refuses whom the provider vouches for, in words that tell nothing of roles.
func refuseSAML(reason string) error {
	e := query.Forbidden("AccessDenied", "Not authorized to perform "+withSAML)
	e.Reason = reason
	return e
}

// until is how long it is until t; zero for none.
func (c *call) until(t time.Time) time.Duration {
	if t.IsZero() {
		return 0
	}
	return t.Sub(c.Now)
}
