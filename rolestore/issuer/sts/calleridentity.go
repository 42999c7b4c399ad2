package sts

// getCallerIdentity says who signed the request. It needs no permission, and no
// policy can deny it
// (https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html).
func getCallerIdentity(c *call) ([]element, error) {
	return []element{
		{name: "Arn", text: c.caller.arn()},
		{name: "UserId", text: c.caller.userID()},
		{name: "Account", text: c.caller.account},
	}, nil
}
