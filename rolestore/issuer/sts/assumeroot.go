package sts

import (
	"regexp"
	"strings"

	"github.com/rolecall/rolecall/rolestore/issuer/caller"
	"github.com/rolecall/rolecall/rolestore/issuer/directory"
	"github.com/rolecall/rolecall/rolestore/issuer/query"
	"github.com/rolecall/rolecall/rolestore/issuer/session"
)

var rootPrincipal = regexp.MustCompile(`^(?:arn:aws:iam::)?([0-9]{12})(:root)?$`)

// assumeRoot gives somebody of the home account, which takes the place of an
// organization's management account, a short session of another account's root, for
// one task alone
// (https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoot.html).
func assumeRoot(c *call) ([]query.Element, error) {
	p := newReader(c.Form)
	target := p.Required("TargetPrincipal", targetPrincipalBounds)
	task := p.Required("TaskPolicyArn.arn", arnBounds("taskPolicyArn.arn"))
	life := p.duration(assumeRootLife)
	named := rootPrincipal.FindStringSubmatch(target)
	if named == nil || strings.HasPrefix(target, "arn:") != (named[2] != "") {
		p.Mean(query.Validation("%s is invalid", target))
	}
	policy := c.Directory.ManagedPolicy(task)
	if policy == nil || policy.Account != "aws" || policy.Path != directory.RootTaskPath {
		p.Mean(query.Validation("%s is invalid: it is no policy of a root task", task))
	}
	if err := p.Err(); err != nil {
		return nil, err
	}
	account := named[1]
	context := c.Context()
	context.Set("sts:TaskPolicyArn", task)
	m := caller.Matter{Action: "sts:AssumeRoot", Resource: directory.RootARN(account), Owner: c.Caller.Account, Context: context}
	if err := c.Authorize(m); err != nil {
		return nil, err
	}
	if home := c.Directory.HomeAccount(); c.Caller.Account != home || account == home || !c.Directory.HasAccount(account) {
		return nil, c.Refuse(m, "only the home account may ask, and only for another account of this core")
	}
	claims := c.claim(session.AssumedRoot, account, account, "", life)
	claims.PolicyARNs = []string{task}
	if own := c.Caller.Claims; own != nil {
		claims.SourceIdentity = own.SourceIdentity
	}
	issued, err := c.seal(claims)
	if err != nil {
		return nil, err
	}
	result := []query.Element{credentials(issued)}
	if claims.SourceIdentity != "" {
		result = append(result, query.Element{Name: "SourceIdentity", Text: claims.SourceIdentity})
	}
	return result, nil
}
