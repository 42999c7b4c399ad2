package sts

import (
	"errors"
	"net/http"
	"strings"

	"github.com/rolecall/rolecall/rolestore/issuer/oidc"
	"github.com/rolecall/rolecall/rolestore/issuer/policy"
	"github.com/rolecall/rolecall/rolestore/issuer/query"
	"github.com/rolecall/rolecall/rolestore/issuer/session"
)

const withWebIdentity = "sts:AssumeRoleWithWebIdentity"

// The bounds of what a provider says of a person.
const (
	maxMethods = 16
	maxMethod  = 64 // characters
)

// Keys finds the keys of identity providers.
type Keys interface {
	// Find returns the provider's key of that id for an algorithm, or an error of package
	// oidc. It waits a few seconds at most.
	Find(p oidc.Provider, kid, algorithm string) (any, error)
}

// webIdentity is who presents a token, for a role of that ARN.
func (c *call) webIdentity(arn, token, providerID string) (federated, error) {
	switch providerID {
	case "":
	case oidc.Amazon, oidc.Facebook:
		return c.accessToken(providerID, token)
	default:
		return federated{}, query.BadRequest("InvalidParameterValue", "ProviderId must be "+oidc.Amazon+" or "+oidc.Facebook+
			", for an access token of theirs; an OpenID Connect ID token goes without.")
	}
	issuer, err := oidc.Issuer(token)
	if err != nil {
		return federated{}, explainIDToken(err)
	}
	provider, named, ok := c.providerOf(arn, issuer)
	if !ok {
		return federated{}, query.BadRequest("InvalidIdentityToken", "No OpenIDConnect provider found in your account for "+clip(issuer))
	}
	claims, err := oidc.Verify(token, provider, func(kid, algorithm string) (any, error) {
		return c.config.Keys.Find(provider, kid, algorithm)
	}, c.Now)
	if err != nil {
		return federated{}, explainIDToken(err)
	}
	return federate(claims, named)
}

// providerOf returns what tokens of the issuer are verified by in the account of the role,
// and whom trust policies name for it. Tokens of this core's own are for parties outside,
// as AWS's own are.
func (c *call) providerOf(arn, issuer string) (p oidc.Provider, named string, ok bool) {
	if oidc.IsGoogle(issuer) {
		return c.config.WellKnown.Google(), oidc.Google, true
	}
	if c.config.URL != "" && strings.HasPrefix(issuer, c.config.URL+"/") {
		return p, "", false
	}
	known := c.Directory.OIDCProvider(accountOf(arn), issuer)
	if known == nil {
		return p, "", false
	}
	return oidc.Provider{Issuer: known.URL, ClientIDs: known.ClientIDs, Thumbprints: known.Thumbprints,
		CA: known.CA, OnPremises: known.OnPremises}, known.ARN(), true
}

// federate is what a verified token says, in the words of policies. Their keys begin with
// the provider's URL.
func federate(claims oidc.Claims, named string) (federated, error) {
	prefix := oidc.Prefix(claims.Issuer)
	who := federated{action: withWebIdentity, provider: named, subject: claims.Subject, keys: policy.NewContext(), source: claims.SourceIdentity}
	invalid := func(reason string) (federated, error) { return who, query.BadRequest("InvalidIdentityToken", reason) }
	who.keys.Set(prefix+":aud", claims.Audience)
	who.keys.Set(prefix+":sub", claims.Subject)
	who.keys.SetAll(prefix+":oaud", claims.OriginalAudience)
	who.keys.SetAll(prefix+":amr", claims.Methods)
	who.kept = []session.Fact{{Key: prefix + ":aud", Value: claims.Audience}, {Key: prefix + ":sub", Value: claims.Subject}}
	if len(claims.Methods) > maxMethods {
		return invalid("The claim amr has too many values.")
	}
	for _, method := range claims.Methods {
		if len(method) > maxMethod {
			return invalid("A value of the claim amr is too long.")
		}
		who.kept = append(who.kept, session.Fact{Key: prefix + ":amr", Value: method, Listed: true})
	}
	tags, err := vouchedTags(claims.Tags, claims.TransitiveTags)
	if err != nil {
		return invalid("The claim https://aws.amazon.com/tags is not valid: " + err.Error())
	}
	who.tags = tags
	if s := claims.SourceIdentity; s != "" && !vouchedSource(s) {
		return invalid("The claim https://aws.amazon.com/source_identity is no source identity.")
	}
	who.described = []query.Element{
		{Name: "SubjectFromWebIdentityToken", Text: claims.Subject},
		{Name: "Provider", Text: named},
		{Name: "Audience", Text: claims.Audience},
	}
	return who, nil
}

// explainIDToken words why a token is not believed. What was wrong with a provider is
// for the log alone: the caller may be nobody's.
func explainIDToken(err error) error {
	refuse := func(code, message string) error {
		return &query.Error{Code: code, Message: message, Status: http.StatusBadRequest, Reason: err.Error()}
	}
	switch {
	case errors.Is(err, oidc.ErrUnreachable):
		return refuse("IDPCommunicationError", "The identity provider could not be reached to verify the token. Try again.")
	case errors.Is(err, oidc.ErrKeys):
		return refuse("InvalidIdentityToken", "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements")
	case errors.Is(err, oidc.ErrExpired):
		return refuse("ExpiredTokenException", "Token expired"+strings.TrimPrefix(err.Error(), oidc.ErrExpired.Error()))
	case errors.Is(err, oidc.ErrAudience):
		return refuse("InvalidIdentityToken", "Incorrect token audience")
	case errors.Is(err, oidc.ErrInvalid):
		return refuse("InvalidIdentityToken", strings.TrimPrefix(err.Error(), oidc.ErrInvalid.Error()+": "))
	}
	return refuse("InvalidIdentityToken", "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)")
}

// clip bounds what a refusal repeats of a token.
func clip(text string) string { return strings.ToValidUTF8(text[:min(len(text), 255)], "") }
