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

// AccessTokens asks the providers of OAuth 2.0 access tokens whose they are.
type AccessTokens interface {
	// Account returns whose token of the provider it is, or an error of package oidc.
	Account(provider, token string) (oidc.Account, error)
}

// personKey is the condition key of the person, of each provider
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html#condition-keys-wif).
var personKey = map[string]string{oidc.Amazon: oidc.Amazon + ":user_id", oidc.Facebook: oidc.Facebook + ":id"}

// accessToken is who presents an access token of Amazon or Facebook.
func (c *call) accessToken(provider, token string) (federated, error) {
	account, err := c.config.AccessTokens.Account(provider, token)
	if err != nil {
		return federated{}, explainAccessToken(provider, err)
	}
	who := federated{action: withWebIdentity, provider: provider, subject: account.UserID, keys: policy.NewContext()}
	for _, fact := range []session.Fact{{Key: provider + ":app_id", Value: account.AppID}, {Key: personKey[provider], Value: account.UserID}} {
		who.keys.Set(fact.Key, fact.Value)
		who.kept = append(who.kept, fact)
	}
	who.described = []query.Element{
		{Name: "SubjectFromWebIdentityToken", Text: account.UserID},
		{Name: "Provider", Text: provider},
		{Name: "Audience", Text: account.AppID},
	}
	return who, nil
}

func explainAccessToken(provider string, err error) error {
	if errors.Is(err, oidc.ErrRejected) {
		return &query.Error{Code: "IDPRejectedClaim", Status: http.StatusForbidden,
			Message: strings.TrimPrefix(err.Error(), oidc.ErrRejected.Error()+": ")}
	}
	return &query.Error{Code: "IDPCommunicationError", Status: http.StatusBadRequest,
		Message: provider + " could not be asked about the token. Try again.", Reason: err.Error()}
}
