package sts

import (
	"github.com/rolecall/rolecall/rolestore/issuer/hosts"
	"github.com/rolecall/rolecall/rolestore/issuer/policy"
)

// context holds the condition keys that every signed request has
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html).
// One that is left out here makes a Deny that asks for it stay silent.
func (c *call) context() *policy.Context {
	m := policy.NewContext()
	m.Set("aws:PrincipalArn", c.caller.role.ARN())
	m.Set("aws:PrincipalAccount", c.caller.role.Account)
	m.Set("aws:PrincipalType", "AssumedRole")
	m.SetBool("aws:PrincipalIsAWSService", false)
	m.Set("aws:userid", c.caller.userID())

	m.SetTime("aws:TokenIssueTime", c.caller.claims.Issued)
	m.SetBool("aws:MultiFactorAuthPresent", false) // for sessions it is there, and no session of ours has it

	if claims := c.caller.claims; claims.Lease != "" {
		hosts.SetInstanceKeys(m, claims.Account, claims.SessionName)
	}
	for _, t := range c.caller.claims.Tags {
		m.Set("aws:PrincipalTag/"+t.Key, t.Value)
	}

	m.SetTime("aws:CurrentTime", c.now)
	m.SetInt("aws:EpochTime", c.now.Unix())
	m.SetBool("aws:SecureTransport", c.tls)
	m.SetBool("aws:ViaAWSService", false)
	m.SetAddr("aws:SourceIp", c.source)
	if c.userAgent != "" {
		m.Set("aws:UserAgent", c.userAgent)
	}
	if c.caller.region != "" {
		m.Set("aws:RequestedRegion", c.caller.region)
	}
	return m
}
