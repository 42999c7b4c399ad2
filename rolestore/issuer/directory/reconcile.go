package directory

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"
)

// Reconcile makes the directory hold what d defines. What core.yaml defined
// before and defines no longer is kept, and said to be, unless prune is set. It
// returns what was done, a line for each object that is not as it was before.
func (d *Directory) Reconcile(want Definitions, prune bool) ([]string, error) {
	if err := want.Validate(); err != nil {
		return nil, err
	}
	r := reconciliation{prune: prune, by: ManagedByFile, at: want.At.UTC().Truncate(time.Second)}
	if want.builtIn {
		r.by = ManagedByCore
	}
	if want.vends() && len(d.Snapshot().keys) == 0 {
		// Keys take their time, so they are made before others wait for the file.
		made, err := newTokenKeys(want.At.UTC().Truncate(time.Second))
		if err != nil {
			return nil, err
		}
		r.tokenKeys = made
	}
	err := d.change(func(tx *Tx) error {
		r.tx, r.done, r.named, r.anew = tx, nil, map[string]bool{}, map[string]bool{}
		for _, a := range want.Accounts {
			if err := r.account(a); err != nil {
				return in("account", a.ID, err)
			}
		}
		// A profile that was made anew is not granted any more, unless the file grants it.
		return errors.Join(r.unnamed(), r.ungrouped(), r.emptied(), r.joined(), r.home(want.Accounts[0].ID), r.uniqueKeys(), r.trust(), r.ungranted(), r.grants(want))
	})
	if err != nil {
		return nil, err
	}
	d.source.Store(&want.Source)
	return r.done, nil
}

type reconciliation struct {
	tx    *Tx
	prune bool
	by    string // who defines
	at    time.Time
	done  []string
	named map[string]bool // by bucket/key: what the definitions name
	anew  map[string]bool // by bucket/key: what has another unique id than before
	gone  map[string]bool // accounts that are defined no longer

	tokenKeys tokenKeyRecord // for the first account that has tokens for parties outside
}

func (r *reconciliation) account(a AccountDefinition) error {
	r.named[bucketAccount+"/"+a.ID] = true
	var have accountRecord
	if err := r.tx.GetJSON(bucketAccount, a.ID, &have); err != nil {
		return err
	}
	if have.ManagedBy == "" {
		r.note("account", a.ID, "created")
	}
	if next := have; !r.givesWay(r.by, have.ManagedBy) {
		next.ManagedBy, next.OnPremises, next.Inactive = r.by, a.OnPremisesIdentityProviders, joinRegions(a.InactiveRegions)
		if err := r.vending(&next, a); err != nil {
			return err
		}
		if !reflect.DeepEqual(next, have) {
			if err := r.tx.PutJSON(bucketAccount, a.ID, next); err != nil {
				return err
			}
		}
		changed := changes(field{"jwt_vending_enabled", next.Vending == have.Vending}, field{"inactive_regions", next.Inactive == have.Inactive},
			field{"on_premises_identity_providers", slices.Equal(next.OnPremises, have.OnPremises)})
		if len(changed) > 0 && have.ManagedBy != "" {
			r.note("account", a.ID, updated(changed))
		}
	}
	administrator := RoleDefinition{Name: AdministratorRole, AssumeRolePolicyDocument: []byte(trustNobody),
		MaxSessionDuration: maxSession, Policies: map[string][]byte{"AdministratorAccess": []byte(allowAll)}}
	if err := r.role(a.ID, administrator, ManagedByCore); err != nil {
		return err
	}
	return errors.Join(
		each(a.ID, a.Policies, r.policy), each(a.ID, a.Groups, r.group), each(a.ID, a.Users, r.user),
		each(a.ID, a.VirtualMFADevices, r.mfaDevice),
		each(a.ID, a.Roles, func(account string, want RoleDefinition) error { return r.role(account, want, r.by) }),
		each(a.ID, a.InstanceProfiles, r.profile), each(a.ID, a.OIDCProviders, r.oidcProvider),
		each(a.ID, a.SAMLProviders, r.samlProvider))
}

// each reconciles all definitions of one kind, up to the first that fails.
func each[D any](account string, all []D, one func(string, D) error) error {
	for _, d := range all {
		if err := one(account, d); err != nil {
			return err
		}
	}
	return nil
}

// home makes an account the one that is meant where none is named.
func (r *reconciliation) home(account string) error {
	var identity identityRecord
	if err := r.tx.GetJSON(bucketCore, keyIdentity, &identity); err != nil || identity.HomeAccount == account {
		return err
	}
	identity.HomeAccount = account
	return r.tx.PutJSON(bucketCore, keyIdentity, identity)
}

// object is one that is defined.
type object struct {
	bucket, prefix      string // the prefix is that of its unique id
	account, name, path string
	by                  string // who defines it
}

// settle makes have, as it was stored, what is wanted, notes what became of it, with the
// names of the fields that differ, and reports whether it is to be stored. Another path makes another object of it, as its
// ARN changes, and so another unique id.
func settle[D any](r *reconciliation, o object, have *record[D], want D, differ func(a, b D) []string) bool {
	k := key(o.account, o.name)
	r.named[o.bucket+"/"+k] = true
	switch {
	case have.Account == "" || have.Path != orRoot(o.path):
		have.UniqueID, have.Created = newUniqueID(o.prefix), r.at
		r.anew[o.bucket+"/"+k] = true
		r.note(nouns[o.bucket], k, "created")
	default:
		names := append(changes(field{"managed_by", have.ManagedBy == o.by}), differ(have.Definition, want)...)
		if len(names) == 0 {
			return false
		}
		r.note(nouns[o.bucket], k, updated(names))
	}
	have.Account, have.Path, have.ManagedBy, have.Definition = o.account, orRoot(o.path), o.by, want
	return true
}

// role creates or updates a role, but for its trust policy; see trust.
func (r *reconciliation) role(account string, want RoleDefinition, by string) error {
	k := key(account, want.Name)
	var next roleRecord
	if err := r.tx.GetJSON(bucketRole, k, &next); err != nil || r.givesWay(by, next.ManagedBy) {
		return err
	}
	if settle(r, object{bucketRole, "AROA", account, want.Name, want.Path, by}, &next.record, want, RoleDefinition.changes) {
		return r.tx.PutJSON(bucketRole, k, next)
	}
	return nil
}

// givesWay reports whether a definition leaves what there is alone: what is built
// in does not replace what the API changed, nor what a file once defined, unless that is
// to be pruned.
func (r *reconciliation) givesWay(by, there string) bool {
	return by == ManagedByCore && (there == ManagedByAPI || there == ManagedByFile && !r.prune)
}

func (r *reconciliation) profile(account string, want InstanceProfileDefinition) error {
	k := key(account, want.Name)
	want.Path = orRoot(want.Path)
	var next profileRecord
	if err := r.tx.GetJSON(bucketProfile, k, &next); err != nil || r.givesWay(r.by, next.ManagedBy) {
		return err
	}
	if settle(r, object{bucketProfile, "AIPA", account, want.Name, want.Path, r.by}, &next.record, want, InstanceProfileDefinition.changes) {
		return r.tx.PutJSON(bucketProfile, k, next)
	}
	return nil
}

// unnamed deletes, or reports, what the file owns and names no longer. An account
// goes with all that is in it.
func (r *reconciliation) unnamed() error {
	gone := map[string]bool{}
	r.gone = gone
	return errors.Join(
		EachJSON(r.tx, bucketAccount, func(id string, have accountRecord) error {
			gone[id] = have.ManagedBy == ManagedByFile && !r.named[bucketAccount+"/"+id]
			return r.drop(bucketAccount, id, gone[id])
		}),
		unnamedIn[roleRecord](r, bucketRole, gone), unnamedIn[profileRecord](r, bucketProfile, gone),
		unnamedIn[mfaRecord](r, bucketMFA, gone), unnamedIn[oidcRecord](r, bucketOIDC, gone), unnamedIn[samlRecord](r, bucketSAML, gone),
		unnamedIn[userRecord](r, bucketUser, gone),
		unnamedIn[groupRecord](r, bucketGroup, gone), unnamedIn[policyRecord](r, bucketPolicy, gone))
}

// joined deletes what came into an account by itself, with the account: its hosts, their
// leases, and the tokens to join it. An account that is defined anew later under the id is
// another, and nobody is in it yet.
func (r *reconciliation) joined() error {
	if !r.prune {
		return nil
	}
	return errors.Join(
		EachJSON(r.tx, bucketHost, func(id string, h hostRecord) error {
			if !r.gone[h.Account] {
				return nil
			}
			held := r.tx.Snapshot().LeasesOf(id)
			r.note("host", id, fmt.Sprintf("deleted with its account %s, and the leases of %d instances", h.Account, len(held)))
			return deleteHost(r.tx, id, held)
		}),
		EachJSON(r.tx, bucketJoin, func(k string, j joinRecord) error {
			if !r.gone[j.Account] {
				return nil
			}
			return r.tx.Delete(bucketJoin, k)
		}))
}

// owned is a record that says whose it is.
type owned interface {
	owner() (account, managedBy string)
}

func (r record[D]) owner() (account, managedBy string) { return r.Account, r.ManagedBy }

func unnamedIn[R owned](r *reconciliation, bucket string, gone map[string]bool) error {
	return EachJSON(r.tx, bucket, func(k string, have R) error {
		account, by := have.owner()
		return r.drop(bucket, k, r.prune && gone[account] || by == ManagedByFile && !r.named[bucket+"/"+k])
	})
}

// drop deletes or reports an object if it is extra.
func (r *reconciliation) drop(bucket, k string, extra bool) error {
	switch {
	case !extra:
		return nil
	case !r.prune:
		r.note(nouns[bucket], k, "no longer in the file, kept (delete with --prune)")
		return nil
	}
	r.note(nouns[bucket], k, "deleted")
	return r.tx.Delete(bucket, k)
}

// nouns are the names of what the buckets hold.
var nouns = map[string]string{
	bucketAccount: "account", bucketRole: "role", bucketProfile: "instance profile", bucketPolicy: "managed policy",
	bucketGroup: "group", bucketUser: "user", bucketMFA: "virtual MFA device", bucketGrant: "grant",
	bucketOIDC: "OIDC provider", bucketSAML: "SAML provider",
}

func (r *reconciliation) note(kind, name, what string) {
	r.done = append(r.done, kind+" "+name+" "+what)
}
