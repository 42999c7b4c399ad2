package caller

import (
	"time"

	"github.com/rolecall/rolecall/rolestore/issuer/hosts"
	"github.com/rolecall/rolecall/rolestore/issuer/policy"
	"github.com/rolecall/rolecall/rolestore/issuer/query"
	"github.com/rolecall/rolecall/rolestore/issuer/session"
)

// Context holds the condition keys that every signed request has
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html).
// One that is left out here makes a Deny that asks for it stay silent.
func (c *Call) Context() *policy.Context {
	m := policy.NewContext()
	c.Caller.describe(m, c.Now)
	m.SetTime("aws:CurrentTime", c.Now)
	m.SetInt("aws:EpochTime", c.Now.Unix())
	m.SetBool("aws:ViaAWSService", false)
	DescribeWay(m, c.Request)
	if c.Caller.Region != "" {
		m.Set("aws:RequestedRegion", c.Caller.Region)
	}
	return m
}

// DescribeWay sets the keys that tell of the way that the request came. A Unix socket
// is one on which nobody listens in.
func DescribeWay(m *policy.Context, r *query.Request) {
	m.SetBool("aws:SecureTransport", r.TLS || !r.Source.IsValid())
	if r.Endpoint == "" {
		m.SetAddr("aws:SourceIp", r.Source)
	} else { // by which nobody is known outside
		m.Set("aws:SourceVpce", r.Endpoint)
		m.SetAddr("aws:VpcSourceIp", r.Source)
	}
	if r.UserAgent != "" {
		m.Set("aws:UserAgent", r.UserAgent)
	}
}

// describe sets the keys that tell of the caller.
func (c *Caller) describe(m *policy.Context, now time.Time) {
	m.Set("aws:PrincipalAccount", c.Account)
	m.SetBool("aws:PrincipalIsAWSService", false)
	m.Set("aws:userid", c.UserID())
	switch who := c.Principal(); {
	case c.Role != nil:
		m.Set("aws:PrincipalType", "AssumedRole")
		m.Set("aws:PrincipalArn", who.ARN)
	case c.Is(session.FederatedUser):
		m.Set("aws:PrincipalType", "FederatedUser")
		m.Set("aws:PrincipalArn", who.Session)
	case c.User != nil:
		m.Set("aws:PrincipalType", "User")
		m.Set("aws:PrincipalArn", who.ARN)
		m.Set("aws:username", c.User.Name)
	default:
		m.Set("aws:PrincipalType", "Account")
		m.Set("aws:PrincipalArn", who.ARN)
		m.SetBool("aws:AssumedRoot", true)
	}
	if owner := c.Behind(); owner != nil {
		SetTags(m, "aws:PrincipalTag/", owner.Tags)
	}
	if c.Claims != nil {
		c.describeSession(m, now)
	}
}

// describeSession sets the keys that a session has and a long-term key has not. A
// session tag takes the place of the role's or user's of that key, in any case.
func (c *Caller) describeSession(m *policy.Context, now time.Time) {
	m.SetTime("aws:TokenIssueTime", c.Claims.Issued)
	SetMFA(m, c.Claims.MFA, now)
	var transitive []string
	for _, t := range c.Claims.Tags {
		m.Set("aws:PrincipalTag/"+t.Key, t.Value)
		if t.Transitive {
			transitive = append(transitive, t.Key)
		}
	}
	m.SetAll("sts:TransitiveTagKeys", transitive)
	if c.Claims.SourceIdentity != "" {
		m.Set("aws:SourceIdentity", c.Claims.SourceIdentity)
	}
	if c.Claims.Provider != "" {
		m.Set("aws:FederatedProvider", c.Claims.Provider)
	}
	if c.Claims.Lease != "" {
		hosts.SetInstanceKeys(m, c.Claims.Region, c.Claims.Account, c.Claims.SessionName)
	}
	var lists map[string][]string
	for _, fact := range c.Claims.Context {
		if fact.Listed {
			if lists == nil {
				lists = map[string][]string{}
			}
			lists[fact.Key] = append(lists[fact.Key], fact.Value)
		} else {
			m.Set(fact.Key, fact.Value)
		}
	}
	for key, values := range lists {
		m.SetAll(key, values)
	}
}

// SetMFA says when the caller proved to have his device; zero for never.
func SetMFA(m *policy.Context, at, now time.Time) {
	m.SetBool("aws:MultiFactorAuthPresent", !at.IsZero())
	if !at.IsZero() {
		m.SetInt("aws:MultiFactorAuthAge", int64(now.Sub(at)/time.Second))
	}
}

// SetResourceTags sets the keys of the tags of what is acted on, IAM's own key too.
func SetResourceTags(m *policy.Context, tags map[string]string) {
	SetTags(m, "aws:ResourceTag/", tags)
	SetTags(m, "iam:ResourceTag/", tags)
}

// SetTags sets a key for each tag.
func SetTags(m *policy.Context, prefix string, tags map[string]string) {
	for k, v := range tags {
		m.Set(prefix+k, v)
	}
}
