package sts

import (
	"strings"
	"time"

	"github.com/rolecall/rolecall/rolestore/issuer/caller"
	"github.com/rolecall/rolecall/rolestore/issuer/directory"
	"github.com/rolecall/rolecall/rolestore/issuer/policy"
	"github.com/rolecall/rolecall/rolestore/issuer/query"
	"github.com/rolecall/rolecall/rolestore/issuer/session"
)

// maxChained bounds a session that is bought with another session
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles.html, "Role chaining").
const maxChained = time.Hour

// assumption is what is asked for.
type assumption struct {
	arn, name, external, source string
	life                        time.Duration
	limits                      limits
	tags                        sessionTags
	mfa                         mfa
	proved                      time.Time // when the MFA device was
}

// assumeRole gives the caller a session of another role
// (https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html).
func assumeRole(c *call) ([]query.Element, error) {
	a, err := c.readAssumption()
	if err != nil {
		return nil, err
	}
	if a.proved, err = c.prove(a.mfa); err != nil {
		return nil, err
	}
	role := c.Directory.Role(a.arn)
	if err := c.mayAssume(role, a); err != nil {
		return nil, err
	}
	switch {
	case a.life > role.MaxSessionDuration:
		return nil, query.Validation("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
	case a.life > maxChained && c.Caller.Claims != nil:
		return nil, query.Validation("The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.")
	}
	if err := a.limits.check(c.Directory, role.Account); err != nil {
		return nil, err
	}
	claims := c.claim(session.AssumedRole, role.UniqueID, role.Account, a.name, a.life)
	claims.Policy, claims.PolicyARNs, claims.Tags, claims.SourceIdentity = a.limits.policy, a.limits.arns, a.tags.all(), a.source
	issued, err := c.seal(claims)
	if err != nil {
		return nil, err
	}
	result := []query.Element{credentials(issued), assumedRoleUser(role, a.name)}
	if claims.Restricted() || len(claims.Tags) > 0 {
		result = append(result, query.Number("PackedPolicySize", claims.PackedSize()))
	}
	if a.source != "" {
		result = append(result, query.Element{Name: "SourceIdentity", Text: a.source})
	}
	return result, nil
}

func (c *call) readAssumption() (a assumption, err error) {
	p := newReader(c.Form)
	a.arn = p.roleARN()
	a.name = p.Required("RoleSessionName", sessionNamePattern)
	a.limits = p.limits(maxSessionPolicy)
	p.contexts()
	a.life = p.duration(assumeRoleLife)
	passed := p.tags(true)
	a.external = p.Optional("ExternalId", externalIDPattern)
	a.mfa = p.mfa()
	a.source = p.Optional("SourceIdentity", sourceIdentityPattern)
	if reserved(a.source) {
		p.Mean(query.Validation("SourceIdentity %s is invalid: it must not begin with aws:", a.source))
	}
	if err := p.Err(); err != nil {
		return a, err
	}
	if a.tags, err = c.inherit(passed); err != nil {
		return a, err
	}
	return a, c.inheritSource(&a)
}

// inheritSource carries the source identity of the caller's session on. It stays
// what it was at the beginning of a chain.
func (c *call) inheritSource(a *assumption) error {
	if c.Caller.Claims == nil || c.Caller.Claims.SourceIdentity == "" {
		return nil
	}
	own := c.Caller.Claims.SourceIdentity
	if a.source != "" && a.source != own {
		return c.Refuse(c.bare("sts:SetSourceIdentity", *a),
			"the source identity of the caller's session cannot be changed")
	}
	a.source = own
	return nil
}

// mayAssume refuses a role that the caller may not assume as he asks; see
// [policy.Evaluate]. Tags and a source identity, passed or inherited, need a
// permission of their own. role is nil if there is none, of which the caller must not
// learn.
func (c *call) mayAssume(role *directory.Role, a assumption) error {
	if role == nil {
		return c.Refuse(c.bare("sts:AssumeRole", a), "there is no such role")
	}
	m := c.bare("", a)
	m.Trust = trustOf(role)
	a.describeRole(m.Context, role)
	for _, action := range a.actions() {
		m.Action = action
		if d := c.Decide(m); !d.Allowed() {
			return c.Refuse(c.bare(action, a), strings.TrimSpace(d.Because(action)))
		}
	}
	return nil
}

// bare is the matter as it would be if there were no such role.
func (c *call) bare(action string, a assumption) caller.Matter {
	m := caller.Matter{Action: action, Resource: a.arn, Context: c.Context()}
	a.describe(m.Context, c.Now)
	return m
}

func trustOf(role *directory.Role) *policy.Policy {
	return &policy.Policy{Name: "trust policy of " + role.ARN(), Document: role.Trust}
}

// actions are those that must be allowed.
func (a assumption) actions() []string {
	actions := []string{"sts:AssumeRole"}
	if len(a.tags.passed)+len(a.tags.inherited) > 0 {
		actions = append(actions, "sts:TagSession")
	}
	if a.source != "" {
		actions = append(actions, "sts:SetSourceIdentity")
	}
	return actions
}

// describe sets the condition keys of the request itself.
func (a assumption) describe(m *policy.Context, now time.Time) {
	m.Set("sts:RoleSessionName", a.name)
	if a.external != "" {
		m.Set("sts:ExternalId", a.external)
	}
	if a.source != "" {
		m.Set("sts:SourceIdentity", a.source)
	}
	if !a.proved.IsZero() {
		caller.SetMFA(m, a.proved, now)
	}
	a.tags.setRequest(m)
}

// describeRole sets the condition keys of the role. An inherited tag takes the place
// of the role's own of that key, before its trust policy is looked at
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html#id_session-tags_role-chaining).
func (a assumption) describeRole(m *policy.Context, role *directory.Role) {
	for _, prefix := range []string{"aws:ResourceTag/", "iam:ResourceTag/"} {
		caller.SetTags(m, prefix, role.Tags)
		for _, t := range a.tags.inherited {
			m.Set(prefix+t.Key, t.Value)
		}
	}
}
