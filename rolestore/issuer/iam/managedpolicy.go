package iam

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"github.com/rolecall/rolecall/rolestore/issuer/directory"
	"github.com/rolecall/rolecall/rolestore/issuer/query"
)

var thePolicy = noun{"policy", "PolicyArn", "Policy %s was not found.", "A policy called %s already exists. Duplicate names are not allowed."}

var (
	policyDescribed = parameter{name: "Description", max: 1000}
	policyScope     = parameter{name: "Scope", max: 64, values: []string{"All", "AWS", "Local"}}
	onlyAttached    = parameter{name: "OnlyAttached", kind: truth}
	policyUsage     = parameter{name: "PolicyUsageFilter", max: 64, values: []string{usedAsPolicy, usedAsBoundary}}
)

const (
	usedAsPolicy   = "PermissionsPolicy"
	usedAsBoundary = "PermissionsBoundary"
)

// policyOperations are those of managed policies, but for their versions
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_managed-vs-inline.html).
var policyOperations = table{
	"CreatePolicy": {takes: []parameter{policyName, policyPath, policyDocument, policyDescribed, tags}, on: newPolicy, tagging: "iam:TagPolicy",
		do: createPolicy},
	"GetPolicy":             {takes: []parameter{policyARN}, on: onPolicy, do: getPolicy},
	"ListPolicies":          {takes: []parameter{policyScope, onlyAttached, policyPrefix, policyUsage, marker, maxItems}, on: onPolicies, do: listPolicies},
	"DeletePolicy":          {takes: []parameter{policyARN}, on: onPolicy, do: deletePolicy},
	"TagPolicy":             {takes: []parameter{policyARN, tags.needed()}, on: onPolicy, do: tagPolicy},
	"UntagPolicy":           {takes: []parameter{policyARN, tagKeys}, on: onPolicy, do: untagPolicy},
	"ListPolicyTags":        {takes: []parameter{policyARN, marker, maxItems}, on: onPolicy, do: listPolicyTags},
	"ListEntitiesForPolicy": {takes: []parameter{policyARN, entityFilter, pathPrefix, policyUsage, marker, maxItems}, on: onPolicy, do: listEntitiesForPolicy},
}

func newPolicy(c *call) target {
	return target{arn: "arn:" + directory.Partition + ":iam::" + c.Caller.Account + ":policy" + c.path() + c.text(policyName)}
}

// onPolicy is the managed policy that is named. The tags of another account's are not
// looked at.
func onPolicy(c *call) target {
	on := target{arn: c.text(policyARN)}
	if p := c.Directory.ManagedPolicy(on.arn); p != nil && p.Account == c.Caller.Account {
		on.tags = p.Tags
	}
	return on
}

func onPolicies(c *call) target {
	return target{arn: "arn:" + directory.Partition + ":iam::" + c.Caller.Account + ":policy" + c.prefix()}
}

// policy is the managed policy that is named, of the caller's account or AWS's own. Those
// of other accounts are not his, whether there are such or not.
func (c *call) policy() (*directory.ManagedPolicy, error) {
	named := anyPolicyARN.FindStringSubmatch(c.text(policyARN))
	switch {
	case named == nil:
		return nil, query.Validation("ARN %s is not valid.", c.text(policyARN))
	case named[1] != c.Caller.Account && named[1] != "aws":
		return nil, c.notHis()
	}
	p := c.Directory.ManagedPolicy(c.text(policyARN))
	if p == nil {
		return nil, thePolicy.missing(c.text(policyARN))
	}
	return p, nil
}

// ownPolicy is the managed policy that is named, which is to be changed: one of AWS's own
// never is.
func (c *call) ownPolicy() (*directory.ManagedPolicy, error) {
	p, err := c.policy()
	if err == nil && p.Account != c.Caller.Account {
		return nil, c.notHis()
	}
	return p, err
}

// notHis is the refusal of a policy that no policy of the caller's account can give him.
func (c *call) notHis() error {
	return query.Forbidden("AccessDenied", "User: "+c.Caller.ARN()+" is not authorized to perform: iam:"+c.Action+" on resource: policy "+c.text(policyARN))
}

// policyRefusal is what keeps a managed policy from a change, in AWS's words.
func (c *call) policyRefusal(name string, err error) error {
	switch {
	case errors.Is(err, directory.ErrNoVersion):
		return noSuchEntity("Policy %s version %s does not exist or is not attachable.", name, c.text(versionID))
	case errors.Is(err, directory.ErrDefaultVersion):
		return conflict("DeleteConflict", "Cannot delete the default version of a policy.")
	case errors.Is(err, directory.ErrAttached):
		return conflict("DeleteConflict", "Cannot delete a policy attached to entities.")
	case errors.Is(err, directory.ErrVersions):
		return conflict("DeleteConflict", "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. "+
			"The default version is deleted with the policy.")
	case errors.Is(err, directory.ErrStillNamed):
		return conflict("EntityAlreadyExists", "A policy called %s cannot be made: %s", name, err)
	}
	return thePolicy.refusal(name, err)
}

func createPolicy(c *call) ([]query.Element, error) {
	want := directory.PolicyDefinition{Name: c.text(policyName), Path: c.path(), Document: []byte(c.text(policyDocument)),
		Description: c.text(policyDescribed), Tags: c.tags}
	if err := c.directory.CreatePolicy(c.Caller.Account, want, c.Now); err != nil {
		return nil, c.policyRefusal(want.Name, err)
	}
	c.Directory = c.directory.Snapshot()
	made := c.Directory.ManagedPolicy(newPolicy(c).arn)
	if made == nil { // and deleted again
		return nil, thePolicy.missing(newPolicy(c).arn)
	}
	return []query.Element{c.showPolicy(made, directory.Usage{}, whole)}, nil
}

func getPolicy(c *call) ([]query.Element, error) {
	p, err := c.policy()
	if err != nil {
		return nil, err
	}
	return []query.Element{c.showPolicy(p, c.Directory.Usage(c.Caller.Account, p.ARN()), whole)}, nil
}

func listPolicies(c *call) ([]query.Element, error) {
	var all []*directory.ManagedPolicy
	if c.text(policyScope) != "AWS" {
		all = append(all, c.Directory.Policies(c.Caller.Account)...)
	}
	if c.text(policyScope) != "Local" {
		all = append(all, c.Directory.Policies("aws")...)
	}
	used := func(p *directory.ManagedPolicy) directory.Usage { return c.Directory.Usage(c.Caller.Account, p.ARN()) }
	all = slices.DeleteFunc(under(c, all, func(p *directory.ManagedPolicy) string { return p.Path }), func(p *directory.ManagedPolicy) bool {
		by, uses := used(p), c.text(policyUsage)
		return c.is(onlyAttached) && by == directory.Usage{} ||
			uses == usedAsPolicy && by.Attached == 0 || uses == usedAsBoundary && by.Boundary == 0
	})
	key := func(p *directory.ManagedPolicy) string { return policyKey(p.ARN()) }
	slices.SortFunc(all, func(a, b *directory.ManagedPolicy) int { return cmp.Compare(key(a), key(b)) })
	return page(c, "Policies", all, key, func(p *directory.ManagedPolicy) query.Element { return c.showPolicy(p, used(p), listed) })
}

func deletePolicy(c *call) ([]query.Element, error) {
	p, err := c.ownPolicy()
	if err != nil {
		return nil, err
	}
	return nil, c.policyRefusal(p.ARN(), c.directory.DeletePolicy(p))
}

// retagPolicy changes the tags of the policy that is named.
func (c *call) retagPolicy(edit func(map[string]string) (map[string]string, error)) error {
	p, err := c.ownPolicy()
	if err != nil {
		return err
	}
	return c.policyRefusal(p.ARN(), c.directory.TagPolicy(p, edit))
}

func tagPolicy(c *call) ([]query.Element, error) {
	return nil, c.retagPolicy(func(have map[string]string) (map[string]string, error) { return tagged(have, c.tags) })
}

func untagPolicy(c *call) ([]query.Element, error) {
	return nil, c.retagPolicy(func(have map[string]string) (map[string]string, error) { return untagged(have, c.keys), nil })
}

func listPolicyTags(c *call) ([]query.Element, error) {
	p, err := c.policy()
	if err != nil {
		return nil, err
	}
	return tagPage(c, p.Tags)
}

func (c *call) showPolicy(p *directory.ManagedPolicy, used directory.Usage, whole bool) query.Element {
	e := structure("Policy", said("PolicyName", p.Name), said("PolicyId", p.UniqueID), said("Arn", p.ARN()), said("Path", p.Path),
		said("DefaultVersionId", p.DefaultVersion), query.Number("AttachmentCount", used.Attached),
		query.Number("PermissionsBoundaryUsageCount", used.Boundary),
		truthOf("IsAttachable", p.Account != "aws" || !strings.HasPrefix(p.Path, directory.RootTaskPath)),
		instant("CreateDate", p.Created), instant("UpdateDate", p.Updated))
	if whole && p.Description != "" {
		e.Children = append(e.Children, said("Description", p.Description))
	}
	if whole && len(p.Tags) > 0 {
		e.Children = append(e.Children, tagsOf(p.Tags))
	}
	return e
}
