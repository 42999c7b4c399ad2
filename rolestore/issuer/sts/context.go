package sts

import (
	"slices"
	"strings"
	"time"

	"github.com/rolecall/rolecall/rolestore/issuer/hosts"
	"github.com/rolecall/rolecall/rolestore/issuer/policy"
	"github.com/rolecall/rolecall/rolestore/issuer/session"
)

// context holds the condition keys that every signed request has
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html).
// One that is left out here makes a Deny that asks for it stay silent.
func (c *call) context() *policy.Context {
	m := policy.NewContext()
	c.caller.describe(m, c.now)
	m.SetTime("aws:CurrentTime", c.now)
	m.SetInt("aws:EpochTime", c.now.Unix())
	m.SetBool("aws:ViaAWSService", false)
	c.describeWay(m)
	if c.caller.region != "" {
		m.Set("aws:RequestedRegion", c.caller.region)
	}
	return m
}

// describeWay sets the keys that tell of the way that the request came. A Unix socket
// is one on which nobody listens in.
func (r *request) describeWay(m *policy.Context) {
	m.SetBool("aws:SecureTransport", r.tls || !r.source.IsValid())
	m.SetAddr("aws:SourceIp", r.source)
	if r.userAgent != "" {
		m.Set("aws:UserAgent", r.userAgent)
	}
}

// describe sets the keys that tell of the caller.
func (c *caller) describe(m *policy.Context, now time.Time) {
	m.Set("aws:PrincipalAccount", c.account)
	m.SetBool("aws:PrincipalIsAWSService", false)
	m.Set("aws:userid", c.userID())
	switch who := c.principal(); {
	case c.role != nil:
		m.Set("aws:PrincipalType", "AssumedRole")
		m.Set("aws:PrincipalArn", who.ARN)
	case c.is(session.FederatedUser):
		m.Set("aws:PrincipalType", "FederatedUser")
		m.Set("aws:PrincipalArn", who.Session)
	case c.user != nil:
		m.Set("aws:PrincipalType", "User")
		m.Set("aws:PrincipalArn", who.ARN)
		m.Set("aws:username", c.user.Name)
	default:
		m.Set("aws:PrincipalType", "Account")
		m.Set("aws:PrincipalArn", who.ARN)
		m.SetBool("aws:AssumedRoot", true)
	}
	if owner := c.behind(); owner != nil {
		setTags(m, "aws:PrincipalTag/", owner.Tags)
	}
	if c.claims != nil {
		c.describeSession(m, now)
	}
}

// describeSession sets the keys that a session has and a long-term key has not. A
// session tag takes the place of the role's or user's of that key, in any case.
func (c *caller) describeSession(m *policy.Context, now time.Time) {
	m.SetTime("aws:TokenIssueTime", c.claims.Issued)
	setMFA(m, c.claims.MFA, now)
	var transitive []string
	for _, t := range c.claims.Tags {
		m.Set("aws:PrincipalTag/"+t.Key, t.Value)
		if t.Transitive {
			transitive = append(transitive, t.Key)
		}
	}
	m.SetAll("sts:TransitiveTagKeys", transitive)
	if c.claims.SourceIdentity != "" {
		m.Set("aws:SourceIdentity", c.claims.SourceIdentity)
	}
	if c.claims.Provider != "" {
		m.Set("aws:FederatedProvider", c.claims.Provider)
	}
	if c.claims.Lease != "" {
		hosts.SetInstanceKeys(m, c.claims.Region, c.claims.Account, c.claims.SessionName)
	}
	for _, fact := range c.claims.Context {
		m.Set(fact.Key, fact.Value)
	}
}

// setMFA says when the caller proved to have his device; zero for never.
func setMFA(m *policy.Context, at, now time.Time) {
	m.SetBool("aws:MultiFactorAuthPresent", !at.IsZero())
	if !at.IsZero() {
		m.SetInt("aws:MultiFactorAuthAge", int64(now.Sub(at)/time.Second))
	}
}

func setTags(m *policy.Context, prefix string, tags map[string]string) {
	for k, v := range tags {
		m.Set(prefix+k, v)
	}
}

// setRequest sets the keys that tell of the tags that are asked for.
func (t sessionTags) setRequest(m *policy.Context) {
	var keys []string
	for _, tag := range t.passed {
		m.Set("aws:RequestTag/"+tag.Key, tag.Value)
		keys = append(keys, tag.Key)
	}
	m.SetAll("aws:TagKeys", keys)
	var transitive []string
	for _, tag := range slices.Concat(t.inherited, t.passed) {
		if tag.Transitive {
			transitive = append(transitive, tag.Key)
		}
	}
	m.SetAll("sts:TransitiveTagKeys", transitive)
}

// equalKeys reports whether two tag keys are one to AWS.
func equalKeys(a, b string) bool { return policy.Fold(a) == policy.Fold(b) }

// reserved is the prefix of tags and source identities that are AWS's alone.
func reserved(text string) bool { return strings.HasPrefix(strings.ToLower(text), "aws:") }
