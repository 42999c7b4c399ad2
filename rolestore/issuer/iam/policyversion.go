package iam

import (
	"fmt"
	"regexp"
	"slices"

	"github.com/rolecall/rolecall/rolestore/issuer/directory"
	"github.com/rolecall/rolecall/rolestore/issuer/query"
)

var (
	versionID = parameter{name: "VersionId", required: true, min: 1, max: 1000,
		pattern: regexp.MustCompile(`^v[1-9][0-9]*(\.[A-Za-z0-9-]*)?$`), shown: `v[1-9][0-9]*(\.[A-Za-z0-9-]*)?`}
	asDefault = parameter{name: "SetAsDefault", kind: truth}
)

// versionOperations are those of the versions of managed policies
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_managed-versioning.html).
var versionOperations = table{
	"CreatePolicyVersion":     {takes: []parameter{policyARN, policyDocument, asDefault}, on: onPolicy, do: createPolicyVersion},
	"GetPolicyVersion":        {takes: []parameter{policyARN, versionID}, on: onPolicy, do: getPolicyVersion},
	"ListPolicyVersions":      {takes: []parameter{policyARN, marker, maxItems}, on: onPolicy, do: listPolicyVersions},
	"DeletePolicyVersion":     {takes: []parameter{policyARN, versionID}, on: onPolicy, do: deletePolicyVersion},
	"SetDefaultPolicyVersion": {takes: []parameter{policyARN, versionID}, on: onPolicy, do: setDefaultPolicyVersion},
}

func createPolicyVersion(c *call) ([]query.Element, error) {
	p, err := c.ownPolicy()
	if err != nil {
		return nil, err
	}
	id, err := c.directory.CreatePolicyVersion(p, []byte(c.text(policyDocument)), c.is(asDefault), c.Now)
	if err != nil {
		return nil, c.policyRefusal(p.ARN(), err)
	}
	return []query.Element{structure("PolicyVersion", said("VersionId", id), truthOf("IsDefaultVersion", c.is(asDefault)), instant("CreateDate", c.Now))}, nil
}

func getPolicyVersion(c *call) ([]query.Element, error) {
	p, err := c.policy()
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(p.Versions, func(v directory.PolicyVersion) bool { return v.ID == c.text(versionID) })
	if i < 0 {
		return nil, c.policyRefusal(p.ARN(), directory.ErrNoVersion)
	}
	e := showVersion(p, p.Versions[i])
	e.Name = "PolicyVersion"
	e.Children = slices.Insert(e.Children, 0, document("Document", string(p.Versions[i].Document)))
	return []query.Element{e}, nil
}

// listPolicyVersions lists the newest first, as AWS does.
func listPolicyVersions(c *call) ([]query.Element, error) {
	p, err := c.policy()
	if err != nil {
		return nil, err
	}
	versions := slices.Clone(p.Versions)
	slices.Reverse(versions)
	return page(c, "Versions", versions, olderLater, func(v directory.PolicyVersion) query.Element { return showVersion(p, v) })
}

// olderLater is a key that orders versions by their numbers, the newest first.
func olderLater(v directory.PolicyVersion) string {
	const most = 1<<31 - 1
	number := 0
	_, _ = fmt.Sscanf(v.ID, "v%d", &number)
	return fmt.Sprintf("%010d", most-number)
}

func deletePolicyVersion(c *call) ([]query.Element, error) {
	p, err := c.ownPolicy()
	if err != nil {
		return nil, err
	}
	return nil, c.policyRefusal(p.ARN(), c.directory.DeletePolicyVersion(p, c.text(versionID)))
}

func setDefaultPolicyVersion(c *call) ([]query.Element, error) {
	p, err := c.ownPolicy()
	if err != nil {
		return nil, err
	}
	return nil, c.policyRefusal(p.ARN(), c.directory.SetDefaultPolicyVersion(p, c.text(versionID), c.Now))
}

func showVersion(p *directory.ManagedPolicy, v directory.PolicyVersion) query.Element {
	return structure("", said("VersionId", v.ID), truthOf("IsDefaultVersion", v.ID == p.DefaultVersion), instant("CreateDate", v.Created))
}
