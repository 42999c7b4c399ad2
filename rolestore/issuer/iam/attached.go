package iam

import (
	"regexp"
	"slices"
	"strings"

	"github.com/rolecall/rolecall/rolestore/issuer/directory"
	"github.com/rolecall/rolecall/rolestore/issuer/query"
)

// What a managed policy is attached as, which is how AWS calls it in a refusal.
const (
	asPolicy   = "Policy"
	asBoundary = "Scope ARN:"
)

// anyPolicyARN is the form of the ARN of a managed policy.
var anyPolicyARN = regexp.MustCompile(`^arn:` + directory.Partition + `:iam::([0-9]{12}|aws):policy/[!-~]+$`)

// attachable refuses a managed policy that nothing of the caller's account can have:
// none, or one of another account. An empty ARN is of nothing.
func (c *call) attachable(s *directory.Snapshot, arn, as string) error {
	if arn == "" {
		return nil
	}
	if !anyPolicyARN.MatchString(arn) {
		return query.Validation("ARN %s is not valid.", arn)
	}
	p := s.ManagedPolicy(arn)
	switch {
	case p == nil, p.Account != c.Caller.Account && p.Account != "aws":
		return noSuchEntity("%s %s does not exist or is not attachable.", as, arn)
	case p.Path == directory.RootTaskPath && p.Account == "aws":
		return query.BadRequest("PolicyNotAttachable", "Cannot attach a Service Role Policy to a Customer Role.")
	}
	return nil
}

// attach adds a managed policy, which may be there already.
func attach(have []string, arn, quota string, most int) ([]string, error) {
	if slices.Contains(have, arn) {
		return have, nil
	}
	if len(have) >= most {
		return nil, limitExceeded("Cannot exceed quota for %s: %d", quota, most)
	}
	return append(have, arn), nil
}

// detach takes a managed policy away.
func detach(have []string, arn string) ([]string, error) {
	i := slices.Index(have, arn)
	if i < 0 {
		return nil, noSuchEntity("Policy %s was not found.", arn)
	}
	return slices.Delete(have, i, i+1), nil
}

// attachedPage lists managed policies that are attached, by their names.
func attachedPage(c *call, arns []string) ([]query.Element, error) {
	kept := slices.DeleteFunc(slices.Clone(arns), func(arn string) bool { return !strings.HasPrefix(pathOf(arn), c.prefix()) })
	slices.SortFunc(kept, func(a, b string) int { return strings.Compare(policyKey(a), policyKey(b)) })
	return page(c, "AttachedPolicies", kept, policyKey, func(arn string) query.Element {
		return structure("", said("PolicyName", nameOf(arn)), said("PolicyArn", arn))
	})
}

// nameOf is the last part of an ARN, and pathOf what is before it.
func nameOf(arn string) string { return arn[strings.LastIndexByte(arn, '/')+1:] }

func pathOf(arn string) string {
	return arn[strings.IndexByte(arn, '/') : strings.LastIndexByte(arn, '/')+1]
}

// policyKey orders managed policies by their names. Two of one name are of two accounts.
// It is short, as a marker must be.
func policyKey(arn string) string {
	return nameOf(arn) + "/" + strings.Split(arn, ":")[4]
}
