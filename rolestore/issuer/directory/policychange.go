package directory

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/rolecall/rolecall/rolestore/issuer/policy"
)

// What keeps the API from a change of a managed policy.
var (
	// ErrNoVersion is returned for a version that a policy has not.
	ErrNoVersion = errors.New("there is no such version")
	// ErrDefaultVersion, ErrVersions and ErrAttached keep a version or a policy from being
	// deleted.
	ErrDefaultVersion = errors.New("it is the default version")
	ErrVersions       = errors.New("it has more than one version")
	ErrAttached       = errors.New("it is attached to something")
	// ErrStillNamed is returned for a policy whose ARN something has already, from a
	// policy that core.yaml took away.
	ErrStillNamed = errors.New("it is attached still, though it is gone")
)

// CreatePolicy makes a managed policy of one version. Its name must be free, in any case,
// and nothing may have its ARN: whoever may make policies does not thereby attach them.
func (d *Directory) CreatePolicy(account string, want PolicyDefinition, now time.Time) error {
	return d.change(func(tx *Tx) error {
		s, now := d.Snapshot(), now.UTC().Truncate(time.Second)
		if err := s.free(bucketPolicy, account, want.Name, ""); err != nil {
			return fmt.Errorf("policy %w", err)
		}
		if e := s.Entities(account, arn(account, "policy", orRoot(want.Path), want.Name)); len(e) > 0 {
			return fmt.Errorf("%w: detach it from %s %s first", ErrStillNamed, e[0].Kind, e[0].Name)
		}
		if err := checkManaged(want.Document, want.Tags); err != nil {
			return err
		}
		document := want.Document
		want.Path, want.Document = orRoot(want.Path), nil
		next := policyRecord{record: record[PolicyDefinition]{UniqueID: newUniqueID("ANPA"), Account: account, Path: want.Path,
			ManagedBy: ManagedByAPI, Definition: want, Created: now}}
		next.add(document, now)
		return tx.PutJSON(bucketPolicy, key(account, want.Name), next)
	})
}

// checkManaged refuses what no managed policy may be.
func checkManaged(document []byte, tags map[string]string) error {
	_, err := policy.Parse(policy.Identity, document)
	return cmp.Or(err, policy.CheckManagedSize(document), invalid(validateTags(tags)))
}

// changePolicy changes a managed policy. p is the policy as the caller saw it; one that
// was made anew since then is not changed.
func (d *Directory) changePolicy(p *ManagedPolicy, edit func(*policyRecord) error) error {
	return d.change(func(tx *Tx) error {
		var next policyRecord
		k := key(p.Account, p.Name)
		if err := still(d, tx, bucketPolicy, k, p.UniqueID, &next); err != nil {
			return err
		}
		next.ManagedBy = ManagedByAPI
		if err := edit(&next); err != nil {
			return err
		}
		return tx.PutJSON(bucketPolicy, k, next)
	})
}

// TagPolicy changes the tags of a managed policy.
func (d *Directory) TagPolicy(p *ManagedPolicy, edit func(tags map[string]string) (map[string]string, error)) error {
	return d.changePolicy(p, func(r *policyRecord) (err error) {
		if r.Definition.Tags, err = edit(maps.Clone(r.Definition.Tags)); err != nil {
			return err
		}
		return invalid(validateTags(r.Definition.Tags))
	})
}

// CreatePolicyVersion adds a version, of which a policy has at most five, and returns its
// id.
func (d *Directory) CreatePolicyVersion(p *ManagedPolicy, document []byte, asDefault bool, now time.Time) (id string, err error) {
	now = now.UTC().Truncate(time.Second)
	err = d.changePolicy(p, func(r *policyRecord) error {
		if len(r.Versions) >= maxVersions {
			return &policy.QuotaError{Message: fmt.Sprintf("A managed policy can have up to %d versions. Before you create a new version, you must delete an existing version.", maxVersions)}
		}
		if err := checkManaged(document, nil); err != nil {
			return err
		}
		id = r.append(document, now)
		if asDefault {
			r.Default, r.Updated = id, now
		}
		return nil
	})
	return id, err
}

// SetDefaultPolicyVersion makes another version of a policy the one that counts.
func (d *Directory) SetDefaultPolicyVersion(p *ManagedPolicy, id string, now time.Time) error {
	return d.changePolicy(p, func(r *policyRecord) error {
		i := r.version(id)
		if i < 0 {
			return ErrNoVersion
		}
		if _, err := policy.Parse(policy.Identity, r.Versions[i].Document); err != nil { // one of another program's
			return err
		}
		r.Default, r.Updated = id, now.UTC().Truncate(time.Second)
		return nil
	})
}

// DeletePolicyVersion deletes a version that is not the default one.
func (d *Directory) DeletePolicyVersion(p *ManagedPolicy, id string) error {
	return d.changePolicy(p, func(r *policyRecord) error {
		i := r.version(id)
		switch {
		case i < 0:
			return ErrNoVersion
		case id == r.Default:
			return ErrDefaultVersion
		}
		r.Last = r.last() // whose id is not given again
		r.Versions = slices.Delete(slices.Clone(r.Versions), i, i+1)
		return nil
	})
}

// DeletePolicy deletes a managed policy of one version that is attached to nothing.
func (d *Directory) DeletePolicy(p *ManagedPolicy) error {
	return d.change(func(tx *Tx) error {
		var have policyRecord
		k := key(p.Account, p.Name)
		if err := still(d, tx, bucketPolicy, k, p.UniqueID, &have); err != nil {
			return err
		}
		switch {
		case d.Snapshot().Usage(p.Account, p.ARN()) != Usage{}:
			return ErrAttached
		case len(have.Versions) > 1:
			return ErrVersions
		}
		return tx.Delete(bucketPolicy, k)
	})
}
