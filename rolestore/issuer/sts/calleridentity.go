package sts

import "github.com/rolecall/rolecall/rolestore/issuer/query"

// getCallerIdentity says who signed the request. It needs no permission, and no
// policy can deny it
// (https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html).
func getCallerIdentity(c *call) ([]query.Element, error) {
	return []query.Element{
		{Name: "Arn", Text: c.Caller.ARN()},
		{Name: "UserId", Text: c.Caller.UserID()},
		{Name: "Account", Text: c.Caller.Account},
	}, nil
}
