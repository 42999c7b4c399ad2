package sts

import "github.com/rolecall/rolecall/rolestore/issuer/session"

// getAccessKeyInfo says whose account an access key is of, and nothing else of it
// (https://docs.aws.amazon.com/STS/latest/APIReference/API_GetAccessKeyInfo.html).
func getAccessKeyInfo(c *call) ([]element, error) {
	p := newReader(c.form)
	id := p.required("AccessKeyId", accessKeyIDPattern)
	if err := p.err(); err != nil {
		return nil, err
	}
	if err := c.authorize(matter{action: "sts:GetAccessKeyInfo", resource: "*", context: c.context()}); err != nil {
		return nil, err
	}
	if key := c.directory.AccessKey(id); key != nil {
		return []element{{name: "Account", text: key.User.Account}}, nil
	}
	// Of temporary credentials there is no record; the account is in the id.
	if account, ok := session.AccountOf(id); ok && c.directory.HasAccount(account) {
		return []element{{name: "Account", text: account}}, nil
	}
	return nil, validation("Access key %s is not known to this service.", id)
}
