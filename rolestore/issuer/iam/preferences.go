package iam

import (
	"errors"
	"net/http"
	"strings"

	"github.com/rolecall/rolecall/rolestore/issuer/directory"
	"github.com/rolecall/rolecall/rolestore/issuer/query"
)

var tokenVersion = parameter{name: "GlobalEndpointTokenVersion", required: true, max: 64, values: []string{"v1Token", "v2Token"}}

// preferenceOperations are those that switch what STS does for the account
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_outbound.html).
var preferenceOperations = table{
	"SetSecurityTokenServicePreferences":   {takes: []parameter{tokenVersion}, on: onAccount, do: setTokenPreferences},
	"EnableOutboundWebIdentityFederation":  {on: onAccount, do: enableOutbound},
	"DisableOutboundWebIdentityFederation": {on: onAccount, do: disableOutbound},
	"GetOutboundWebIdentityFederationInfo": {on: onAccount, do: outboundInfo},
}

// onAccount is for operations whose only resource is the account itself, which policies
// cannot name.
func onAccount(*call) target { return target{arn: "*"} }

func setTokenPreferences(c *call) ([]query.Element, error) {
	version := 1
	if strings.HasPrefix(c.text(tokenVersion), "v2") {
		version = 2
	}
	return nil, c.directory.SetGlobalEndpointTokenVersion(c.Caller.Account, version)
}

func enableOutbound(c *call) ([]query.Element, error) {
	if c.url == "" {
		return nil, invalidInput("Tokens would have no issuer that parties outside can reach: start the core with --issuer-url.")
	}
	if err := c.switchOutbound(true); err != nil {
		return nil, err
	}
	id, ok := c.directory.Snapshot().TokenIssuer(c.Caller.Account)
	if !ok { // and disabled again
		return nil, featureDisabled()
	}
	return []query.Element{said("IssuerIdentifier", c.url+"/"+id)}, nil
}

func disableOutbound(c *call) ([]query.Element, error) { return nil, c.switchOutbound(false) }

func outboundInfo(c *call) ([]query.Element, error) {
	id, ok := c.Directory.TokenIssuer(c.Caller.Account)
	if !ok || c.url == "" {
		return nil, featureDisabled()
	}
	return []query.Element{said("IssuerIdentifier", c.url+"/"+id), truthOf("JwtVendingEnabled", true)}, nil
}

func featureDisabled() error {
	return &query.Error{Code: "FeatureDisabled", Message: "Outbound web identity federation is not enabled for this account.", Status: http.StatusNotFound}
}

// switchOutbound turns tokens for parties outside on or off.
func (c *call) switchOutbound(on bool) error {
	err := c.directory.SetVending(c.Caller.Account, on, c.Now)
	switch {
	case errors.Is(err, directory.ErrExists):
		return conflict("FeatureEnabled", "Outbound web identity federation is already enabled for this account.")
	case errors.Is(err, directory.ErrNotFound):
		return featureDisabled()
	}
	return noun{name: "account"}.refusal(c.Caller.Account, err)
}
