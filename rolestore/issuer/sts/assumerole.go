package sts

import (
	"maps"
	"time"

	"github.com/rolecall/rolecall/rolestore/issuer/directory"
	"github.com/rolecall/rolecall/rolestore/issuer/policy"
)

// maxChained bounds a session that is bought with another session
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles.html, "Role chaining").
const maxChained = time.Hour

// assumeRole gives the caller a session of another role
// (https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html).
func assumeRole(c *call) ([]element, error) {
	p := reader{form: c.form}
	arn := p.required("RoleArn", roleARNPattern)
	name := p.required("RoleSessionName", sessionNamePattern)
	external := p.optional("ExternalId", externalIDPattern)
	life, err := p.duration()
	if err != nil {
		return nil, err
	}
	if err := p.err(); err != nil {
		return nil, err
	}
	if !arnPattern.MatchString(arn) {
		return nil, validation("%s is invalid", arn)
	}
	if err := p.refuse(narrowing...); err != nil {
		return nil, err
	}

	role := c.directory.Role(arn)
	if role == nil || !c.mayAssume(role, name, external) {
		return nil, forbidden("AccessDenied", "User: "+c.caller.arn()+" is not authorized to perform: sts:AssumeRole on resource: "+arn)
	}
	switch {
	case life > role.MaxSessionDuration:
		return nil, validation("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
	case life > maxChained: // every caller is a session
		return nil, validation("The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.")
	}
	issued, err := c.issue(role, name, life)
	if err != nil {
		return nil, err
	}
	return []element{credentials(issued), assumedRoleUser(role, name)}, nil
}

// mayAssume evaluates who may assume a role
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html):
// an explicit deny anywhere ends it; the trust policy must allow; and the caller's
// own policies must allow too, unless role and caller are of one account and the
// trust policy names the caller himself rather than his account.
func (c *call) mayAssume(role *directory.Role, sessionName, externalID string) bool {
	context := c.caller.context(c.now)
	request := policy.Request{Action: "sts:AssumeRole", Resource: role.ARN(), Principal: c.caller.principal(), Context: context}
	own := policy.ImplicitDeny
	for _, document := range c.caller.role.Policies {
		switch document.Evaluate(request).Decision {
		case policy.ExplicitDeny:
			return false
		case policy.Allow:
			own = policy.Allow
		case policy.ImplicitDeny:
		}
	}

	request.Context = maps.Clone(context)
	request.Context["sts:rolesessionname"] = []string{sessionName}
	if externalID != "" {
		request.Context["sts:externalid"] = []string{externalID}
	}
	trust := role.Trust.Evaluate(request)
	if trust.Decision != policy.Allow {
		return false
	}
	named := role.Account == c.caller.role.Account && !trust.ByAccount
	return named || own == policy.Allow
}
