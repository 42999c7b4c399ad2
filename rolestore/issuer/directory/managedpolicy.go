package directory

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

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
	Document    []byte
	Description string
	Tags        map[string]string
}

// ManagedPolicy is a policy that can be attached to several users, groups and
// roles, and that a session can be limited by.
type ManagedPolicy struct {
	// UniqueID begins with ANPA.
	UniqueID string
	// Account is twelve digits, or aws.
	Account string
	Path    string
	Name    string
	// Document is that of the default version.
	Document *policy.Document
	// DefaultVersion is v and a number.
	DefaultVersion string
	// Versions are those that are kept, the oldest first.
	Versions    []PolicyVersion
	Description string
	Tags        map[string]string
	ManagedBy   string
	// Created and Updated are zero of a policy of before they were noted. It is updated
	// by another default version.
	Created, Updated time.Time
}

// PolicyVersion is one of the versions of a managed policy.
type PolicyVersion struct {
	// ID is v and a number, which no other version of the policy has or had.
	ID string
	// Document is JSON. It must not be changed.
	Document []byte
	// Created is zero of a version of before it was noted.
	Created time.Time
}

// ARN is arn:aws:iam::<account>:policy<path><name>.
func (p *ManagedPolicy) ARN() string { return arn(p.Account, "policy", p.Path, p.Name) }

// policyRecord keeps the document with the version, not with the definition.
type policyRecord struct {
	record[PolicyDefinition]
	Default  string          `json:"default_version_id"`
	Versions []versionRecord `json:"versions"` // the oldest first
	Last     int             `json:"last_version,omitempty"`
	Updated  time.Time       `json:"update_date,omitzero"`
}

type versionRecord struct {
	ID       string    `json:"version_id"`
	Document []byte    `json:"document"`
	Created  time.Time `json:"create_date,omitzero"`
}

// add makes the document the default version, unless it is, and gives up the oldest
// version for it if there are too many.
func (r *policyRecord) add(document []byte, at time.Time) {
	if i := r.version(r.Default); i >= 0 && bytes.Equal(r.Versions[i].Document, document) {
		return
	}
	r.Default, r.Updated = r.append(document, at), at
	r.Versions = r.Versions[max(0, len(r.Versions)-maxVersions):]
}

// append adds a version and returns its id.
func (r *policyRecord) append(document []byte, at time.Time) string {
	r.Last = r.last() + 1
	id := "v" + strconv.Itoa(r.Last)
	r.Versions = append(slices.Clone(r.Versions), versionRecord{id, document, at})
	return id
}

// last is the number of the newest version that there was.
func (r *policyRecord) last() int {
	last := r.Last
	for _, v := range r.Versions { // of before the last was noted
		n, _ := strconv.Atoi(strings.TrimPrefix(v.ID, "v"))
		last = max(last, n)
	}
	return last
}

// version is the index of a version, or -1.
func (r *policyRecord) version(id string) int {
	return slices.IndexFunc(r.Versions, func(v versionRecord) bool { return v.ID == id })
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
	d := r.Definition
	p := &ManagedPolicy{UniqueID: r.UniqueID, Account: r.Account, ManagedBy: r.ManagedBy, Name: d.Name, Path: orRoot(d.Path),
		DefaultVersion: r.Default, Description: d.Description, Tags: d.Tags, Created: r.Created, Updated: r.Updated}
	for _, v := range r.Versions {
		p.Versions = append(p.Versions, PolicyVersion(v))
	}
	i := r.version(r.Default)
	if i < 0 {
		return p, fmt.Errorf("it has no version %s", r.Default)
	}
	var err error
	p.Document, err = policy.Parse(policy.Identity, r.Versions[i].Document)
	return p, err
}

func (p PolicyDefinition) validate() error {
	if _, err := policy.Parse(policy.Identity, p.Document); err != nil {
		return fmt.Errorf("policy_document: %w", err)
	}
	return errors.Join(policy.CheckManagedSize(p.Document), validateTags(p.Tags))
}

// changes says nothing of the document, which the record keeps by itself.
func (p PolicyDefinition) changes(o PolicyDefinition) []string {
	return changes(field{"description", p.Description == o.Description}, field{"tags", maps.Equal(p.Tags, o.Tags)})
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
		next.Versions, next.Default, next.Last = nil, "", 0
	}
	next.add(document, r.at)
	differ := func(a, b PolicyDefinition) []string {
		return append(changes(field{"policy_document", next.Default == before}), a.changes(b)...)
	}
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
