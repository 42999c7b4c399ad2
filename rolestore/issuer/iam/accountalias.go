package iam

import (
	"regexp"

	"github.com/rolecall/rolecall/rolestore/issuer/query"
)

var theAlias = noun{name: "account alias", gone: "The account alias %s cannot be found.", exists: "The account alias %s already exists."}

// No hyphen follows another, which the model says with a pattern that Go has not.
var accountAlias = parameter{name: "AccountAlias", required: true, min: 3, max: 63, pattern: regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`),
	shown: `^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$`}

// aliasOperations are those of the account's alias, of which there is one at most
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/console_account-alias.html).
var aliasOperations = table{
	"CreateAccountAlias": {takes: []parameter{accountAlias}, on: onAccount, do: createAccountAlias},
	"ListAccountAliases": {takes: []parameter{marker, maxItems}, on: onAccount, do: listAccountAliases},
	"DeleteAccountAlias": {takes: []parameter{accountAlias}, on: onAccount, do: deleteAccountAlias},
}

func createAccountAlias(c *call) ([]query.Element, error) {
	alias := c.text(accountAlias)
	return nil, theAlias.refusal(alias, c.directory.SetAccountAlias(c.Caller.Account, alias))
}

func deleteAccountAlias(c *call) ([]query.Element, error) {
	alias := c.text(accountAlias)
	return nil, theAlias.refusal(alias, c.directory.DeleteAccountAlias(c.Caller.Account, alias))
}

func listAccountAliases(c *call) ([]query.Element, error) {
	var all []string
	if alias := c.Directory.AccountAlias(c.Caller.Account); alias != "" {
		all = append(all, alias)
	}
	return page(c, "AccountAliases", all, func(alias string) string { return alias },
		func(alias string) query.Element { return query.Element{Text: alias} })
}
