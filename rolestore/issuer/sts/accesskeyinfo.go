package sts

import (
	"github.com/rolecall/rolecall/rolestore/issuer/caller"
	"github.com/rolecall/rolecall/rolestore/issuer/query"
	"github.com/rolecall/rolecall/rolestore/issuer/session"
)

// getAccessKeyInfo says whose account an access key is of, and nothing else of it
// (https://docs.aws.amazon.com/STS/latest/APIReference/API_GetAccessKeyInfo.html).
func getAccessKeyInfo(c *call) ([]query.Element, error) {
	p := newReader(c.Form)
	id := p.Required("AccessKeyId", accessKeyIDPattern)
	if err := p.Err(); err != nil {
		return nil, err
	}
	if err := c.Authorize(caller.Matter{Action: "sts:GetAccessKeyInfo", Resource: "*", Context: c.Context()}); err != nil {
		return nil, err
	}
	if key := c.Directory.AccessKey(id); key != nil {
		return []query.Element{{Name: "Account", Text: key.User.Account}}, nil
	}
	// Of temporary credentials there is no record; the account is in the id.
	if account, ok := session.AccountOf(id); ok && c.Directory.HasAccount(account) {
		return []query.Element{{Name: "Account", Text: account}}, nil
	}
	return nil, query.Validation("Access key %s is not known to this service.", id)
}
