package sts

import (
	"strconv"
	"time"
)

// context holds the condition keys that every signed request has
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html).
// One that is left out here makes a Deny that asks for it stay silent.
func (c *call) context() map[string][]string {
	is := func(b bool) []string { return []string{strconv.FormatBool(b)} }
	m := map[string][]string{
		"aws:principalarn":          {c.caller.role.ARN()},
		"aws:principalaccount":      {c.caller.role.Account},
		"aws:principaltype":         {"AssumedRole"},
		"aws:principalisawsservice": is(false),
		"aws:userid":                {c.caller.userID()},

		"aws:tokenissuetime":         {c.caller.claims.Issued.Format(time.RFC3339)},
		"aws:multifactorauthpresent": is(false), // for sessions it is there, and no session of ours has it

		"aws:currenttime":     {c.now.UTC().Format(time.RFC3339)},
		"aws:epochtime":       {strconv.FormatInt(c.now.Unix(), 10)},
		"aws:securetransport": is(c.tls),
		"aws:viaawsservice":   is(false),
	}
	if c.source.IsValid() {
		m["aws:sourceip"] = []string{c.source.String()}
	}
	if c.userAgent != "" {
		m["aws:useragent"] = []string{c.userAgent}
	}
	if c.caller.region != "" {
		m["aws:requestedregion"] = []string{c.caller.region}
	}
	return m
}
