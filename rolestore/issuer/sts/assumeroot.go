package sts

import (
	"regexp"
	"strings"

	"github.com/rolecall/rolecall/rolestore/issuer/directory"
	"github.com/rolecall/rolecall/rolestore/issuer/session"
)

var rootPrincipal = regexp.MustCompile(`^(?:arn:aws:iam::)?([0-9]{12})(:root)?$`)

// assumeRoot gives somebody of the home account, which takes the place of an
// organization's management account, a short session of another account's root, for
// one task alone
// (https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoot.html).
func assumeRoot(c *call) ([]element, error) {
	p := newReader(c.form)
	target := p.required("TargetPrincipal", targetPrincipalBounds)
	task := p.required("TaskPolicyArn.arn", arnBounds("taskPolicyArn.arn"))
	life := p.duration(assumeRootLife)
	named := rootPrincipal.FindStringSubmatch(target)
	if named == nil || strings.HasPrefix(target, "arn:") != (named[2] != "") {
		p.mean(validation("%s is invalid", target))
	}
	policy := c.directory.ManagedPolicy(task)
	if policy == nil || policy.Account != "aws" || policy.Path != directory.RootTaskPath {
		p.mean(validation("%s is invalid: it is no policy of a root task", task))
	}
	if err := p.err(); err != nil {
		return nil, err
	}
	account := named[1]
	context := c.context()
	context.Set("sts:TaskPolicyArn", task)
	m := matter{action: "sts:AssumeRoot", resource: directory.RootARN(account), owner: c.caller.account, context: context}
	if err := c.authorize(m); err != nil {
		return nil, err
	}
	if home := c.directory.HomeAccount(); c.caller.account != home || account == home || !c.directory.HasAccount(account) {
		return nil, c.refuse(m, "only the home account may ask, and only for another account of this core")
	}
	claims := c.claim(session.AssumedRoot, account, account, "", life)
	claims.PolicyARNs = []string{task}
	if own := c.caller.claims; own != nil {
		claims.SourceIdentity = own.SourceIdentity
	}
	issued, err := c.seal(claims)
	if err != nil {
		return nil, err
	}
	result := []element{credentials(issued)}
	if claims.SourceIdentity != "" {
		result = append(result, element{name: "SourceIdentity", text: claims.SourceIdentity})
	}
	return result, nil
}
