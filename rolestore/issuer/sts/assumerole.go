package sts

import (
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

// whyNot evaluates who may assume a role
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html):
// an explicit deny anywhere ends it; the trust policy must allow; and the caller's
// own policies must allow too, unless role and caller are of one account and the
// trust policy names the caller himself rather than his account. The answer is
// empty if he may. It is for the log alone: the caller must not learn whether the
// role exists, which is why role may be nil.
func (c *call) whyNot(role *directory.Role, sessionName, externalID string) string {
	if role == nil {
		return "there is no such role"
	}
	context := c.context()
	context["sts:rolesessionname"] = []string{sessionName}
	if externalID != "" {
		context["sts:externalid"] = []string{externalID}
	}
	request := policy.Request{Action: "sts:AssumeRole", Resource: role.ARN(), Principal: c.caller.principal(), Context: context}
	own := policy.ImplicitDeny
	for _, document := range c.caller.role.Policies {
		switch document.Evaluate(request).Decision {
		case policy.ExplicitDeny:
			return "a policy of the caller's role denies it"
		case policy.Allow:
			own = policy.Allow
		case policy.ImplicitDeny:
		}
	}
	trust := role.Trust.Evaluate(request)
	switch {
	case trust.Decision == policy.ExplicitDeny:
		return "the role's trust policy denies it"
	case trust.Decision != policy.Allow:
		return "the role's trust policy does not allow it"
	case own == policy.Allow:
		return ""
	case role.Account != c.caller.role.Account:
		return "the caller is of another account, and no policy of his role allows it"
	case trust.ByAccount:
		return "the role's trust policy leaves it to the account, and no policy of the caller's role allows it"
	}
	return ""
}
