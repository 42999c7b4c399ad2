package directory

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/rolecall/rolecall/rolestore/issuer/policy"
)

// maxVersions are the versions of a managed policy that are kept
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_managed-versioning.html).
const maxVersions = 5

// PolicyDefinition is a managed policy as CreatePolicy takes it
// (https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreatePolicy.html).
type PolicyDefinition struct {
	Name string
	// Path is "/" when empty.
	Path string
	// Document is JSON. Another one than before becomes a new version, and the
	// default.
	Document []byte
}

// ManagedPolicy is a policy that can be attached to several users, groups and
// roles, and that a session can be limited by.
type ManagedPolicy struct {
	// UniqueID begins with ANPA; AWS's own have none here.
	UniqueID string
	// Account is twelve digits, or aws.
	Account string
	Path    string
	Name    string
	// Document is that of the default version.
	Document *policy.Document
	// DefaultVersion is v and a number.
	DefaultVersion string
	ManagedBy      string
}

// ARN is arn:aws:iam::<account>:policy<path><name>.
func (p *ManagedPolicy) ARN() string { return arn(p.Account, "policy", p.Path, p.Name) }

// policyRecord keeps the document with the version, not with the definition.
type policyRecord struct {
	record[PolicyDefinition]
	Default  string          `json:"default_version_id"`
	Versions []versionRecord `json:"versions"` // the oldest first
}

type versionRecord struct {
	ID       string `json:"version_id"`
	Document []byte `json:"document"`
}

// add makes the document the default version, unless it is.
func (r *policyRecord) add(document []byte) {
	number := 0
	for _, v := range r.Versions {
		if v.ID == r.Default && bytes.Equal(v.Document, document) {
			return
		}
		n, _ := strconv.Atoi(strings.TrimPrefix(v.ID, "v"))
		number = max(number, n)
	}
	r.Default = "v" + strconv.Itoa(number+1)
	r.Versions = append(slices.Clone(r.Versions), versionRecord{r.Default, document})
	r.Versions = r.Versions[max(0, len(r.Versions)-maxVersions):]
}

func readPolicy(e *entry) error {
	var h head
	if err := e.decode(&h); err != nil {
		return err
	}
	e.arn, e.owners = arn(h.Account, "policy", orRoot(h.Path), h.Definition.Name), []string{nameOf(bucketPolicy, h.Account, h.Definition.Name)}
	return nil
}

// makePolicy makes the policy of a record, and nil of one that this version does not
// understand, so that whoever it is attached to is of no use.
func makePolicy(e *entry, m *maker) any {
	var r policyRecord
	err := e.decode(&r)
	if err == nil {
		var p *ManagedPolicy
		if p, err = r.policy(); err == nil {
			return p
		}
	}
	m.unusable("managed policy", e.Name, err)
	return nil
}

func (r policyRecord) policy() (*ManagedPolicy, error) {
	p := &ManagedPolicy{UniqueID: r.UniqueID, Account: r.Account, ManagedBy: r.ManagedBy,
		Name: r.Definition.Name, Path: orRoot(r.Definition.Path), DefaultVersion: r.Default}
	for _, v := range r.Versions {
		if v.ID == r.Default {
			var err error
			p.Document, err = policy.Parse(policy.Identity, v.Document)
			return p, err
		}
	}
	return p, fmt.Errorf("it has no version %s", r.Default)
}

func (p PolicyDefinition) validate() error {
	if _, err := policy.Parse(policy.Identity, p.Document); err != nil {
		return fmt.Errorf("policy_document: %w", err)
	}
	return policy.CheckManagedSize(p.Document)
}

// policy creates or updates a managed policy.
func (r *reconciliation) policy(account string, want PolicyDefinition) error {
	k := key(account, want.Name)
	var next policyRecord
	if err := r.tx.GetJSON(bucketPolicy, k, &next); err != nil || r.givesWay(r.by, next.ManagedBy) {
		return err
	}
	document := want.Document
	want.Path, want.Document = orRoot(want.Path), nil
	before := next.Default
	if next.UniqueID == "" || next.Path != want.Path {
		next.Versions, next.Default = nil, ""
	}
	next.add(document)
	differ := func(_, _ PolicyDefinition) []string { return changes(field{"policy_document", next.Default == before}) }
	if settle(r, object{bucketPolicy, "ANPA", account, want.Name, want.Path, r.by}, &next.record, want, differ) {
		return r.tx.PutJSON(bucketPolicy, k, next)
	}
	return nil
}

// ManagedPolicy returns the managed policy of that ARN, or nil.
func (s *Snapshot) ManagedPolicy(arn string) *ManagedPolicy {
	if p := awsManaged()[arn]; p != nil {
		return p
	}
	return thing[*ManagedPolicy](s, among(s.arns, bucketPolicy, arn))
}

// attached returns managed policies by their ARNs.
func (m *maker) attached(arns ...string) (policy.Set, error) {
	set := make(policy.Set, 0, len(arns))
	for _, arn := range arns {
		p := awsManaged()[arn]
		if p == nil {
			p = using[*ManagedPolicy](m, m.one(byARN, bucketPolicy, arn))
		}
		if p == nil {
			return nil, fmt.Errorf("there is no managed policy %s", arn)
		}
		set = append(set, policy.Policy{Name: arn, Document: p.Document})
	}
	return set, nil
}

// inline compiles inline policies, in the order of their names.
func inline(texts map[string][]byte) (policy.Set, error) {
	set := make(policy.Set, 0, len(texts))
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		document, err := policy.Parse(policy.Identity, texts[name])
		if err != nil {
			return nil, fmt.Errorf("policy %s: %w", name, err)
		}
		set = append(set, policy.Policy{Name: name, Document: document})
	}
	return set, nil
}
