package sts

import (
	"strings"
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
	p := newReader(c.form)
	arn := p.roleARN()
	name := p.required("RoleSessionName", sessionNamePattern)
	external := p.optional("ExternalId", externalIDPattern)
	life := p.duration()
	if err := p.err(); err != nil {
		return nil, err
	}

	role := c.directory.Role(arn)
	if why := c.whyNot(role, name, external); why != "" {
		refusal := forbidden("AccessDenied", "User: "+c.caller.arn()+" is not authorized to perform: sts:AssumeRole on resource: "+arn)
		refusal.Reason = why
		return nil, refusal
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

// whyNot evaluates who may assume a role; see [policy.Evaluate]. The answer is
// empty if the caller may. It is for the log alone: the caller must not learn
// whether the role exists, which is why role may be nil.
func (c *call) whyNot(role *directory.Role, sessionName, externalID string) string {
	if role == nil {
		return "there is no such role"
	}
	const action = "sts:AssumeRole"
	context := c.context()
	context.Set("sts:RoleSessionName", sessionName)
	if externalID != "" {
		context.Set("sts:ExternalId", externalID)
	}
	decision := policy.Evaluate(
		policy.Request{Principal: c.caller.principal(), Action: action, Resource: role.ARN(), Context: context},
		policy.Policies{Resource: &policy.Policy{Document: role.Trust}, Identity: c.caller.role.Policies})
	if decision.Allowed() {
		return ""
	}
	return strings.TrimSpace(decision.Because(action))
}
