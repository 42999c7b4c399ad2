package directory

import (
	"errors"
	"fmt"

	"github.com/rolecall/rolecall/rolestore/dbfile"
)

// Reconcile makes the directory hold what d defines. What core.yaml defined
// before and defines no longer is kept, and said to be, unless prune is set. It
// returns what was done, a line for each object that is not as it was before.
func (d *Directory) Reconcile(want Definitions, prune bool) ([]string, error) {
	if err := want.Validate(); err != nil {
		return nil, err
	}
	r := reconciliation{prune: prune, by: ManagedByFile}
	if want.builtIn {
		r.by = ManagedByCore
	}
	err := d.change(func(tx *dbfile.Tx) error {
		r.tx, r.done, r.named = tx, nil, map[string]bool{}
		for _, a := range want.Accounts {
			if err := r.account(a); err != nil {
				return fmt.Errorf("account %s: %w", a.ID, err)
			}
		}
		return errors.Join(r.unnamed(), r.home(want.Accounts[0].ID))
	})
	if err != nil {
		return nil, err
	}
	return r.done, nil
}

type reconciliation struct {
	tx    *dbfile.Tx
	prune bool
	by    string // who defines
	done  []string
	named map[string]bool // by bucket/key: what the definitions name
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
	if have.ManagedBy != r.by && !r.givesWay(r.by, have.ManagedBy) {
		if err := r.tx.PutJSON(bucketAccount, a.ID, accountRecord{ManagedBy: r.by}); err != nil {
			return err
		}
	}
	administrator := RoleDefinition{Name: AdministratorRole, AssumeRolePolicyDocument: []byte(trustNobody),
		MaxSessionDuration: maxSession, Policies: map[string][]byte{"AdministratorAccess": []byte(allowAll)}}
	if err := r.role(a.ID, administrator, ManagedByCore); err != nil {
		return err
	}
	for _, role := range a.Roles {
		if err := r.role(a.ID, role, r.by); err != nil {
			return err
		}
	}
	for _, profile := range a.InstanceProfiles {
		if err := r.profile(a.ID, profile); err != nil {
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

// role creates or updates a role. Another path makes another role of it, as its
// ARN changes, and so another unique id.
func (r *reconciliation) role(account string, want RoleDefinition, by string) error {
	k := key(account, want.Name)
	var have roleRecord
	if err := r.tx.GetJSON(bucketRole, k, &have); err != nil || r.givesWay(by, have.ManagedBy) {
		return err
	}
	r.named[bucketRole+"/"+k] = true
	next := roleRecord{UniqueID: have.UniqueID, Account: account, ManagedBy: by, Definition: want}
	switch {
	case have.UniqueID == "" || orRoot(have.Definition.Path) != orRoot(want.Path):
		next.UniqueID = newUniqueID("AROA")
		r.note("role", k, "created")
	case have.Definition.equal(want) && have.ManagedBy == by:
		return nil
	default:
		r.note("role", k, "updated")
	}
	return r.tx.PutJSON(bucketRole, k, next)
}

// givesWay reports whether a definition leaves what there is alone: what is built
// in does not replace what a file once defined, unless that is to be pruned.
func (r *reconciliation) givesWay(by, there string) bool {
	return by == ManagedByCore && there == ManagedByFile && !r.prune
}

func (r *reconciliation) profile(account string, want InstanceProfileDefinition) error {
	k := key(account, want.Name)
	want.Path = orRoot(want.Path)
	var have profileRecord
	if err := r.tx.GetJSON(bucketProfile, k, &have); err != nil || r.givesWay(r.by, have.ManagedBy) {
		return err
	}
	r.named[bucketProfile+"/"+k] = true
	have.Definition.Path = orRoot(have.Definition.Path)
	next := profileRecord{UniqueID: have.UniqueID, Account: account, ManagedBy: r.by, Definition: want}
	switch {
	case have.UniqueID == "" || have.Definition.Path != want.Path:
		next.UniqueID = newUniqueID("AIPA")
		r.note("instance profile", k, "created")
	case have.Definition == want && have.ManagedBy == r.by:
		return nil
	default:
		r.note("instance profile", k, "updated")
	}
	return r.tx.PutJSON(bucketProfile, k, next)
}

// unnamed deletes, or reports, what the file owns and names no longer. An account
// goes with all that is in it.
func (r *reconciliation) unnamed() error {
	gone := map[string]bool{}
	return errors.Join(
		dbfile.EachJSON(r.tx, bucketAccount, func(id string, have accountRecord) error {
			gone[id] = have.ManagedBy == ManagedByFile && !r.named[bucketAccount+"/"+id]
			return r.drop(bucketAccount, id, gone[id])
		}),
		dbfile.EachJSON(r.tx, bucketRole, func(k string, have roleRecord) error {
			return r.drop(bucketRole, k, r.prune && gone[have.Account] || have.ManagedBy == ManagedByFile && !r.named[bucketRole+"/"+k])
		}),
		dbfile.EachJSON(r.tx, bucketProfile, func(k string, have profileRecord) error {
			return r.drop(bucketProfile, k, r.prune && gone[have.Account] || have.ManagedBy == ManagedByFile && !r.named[bucketProfile+"/"+k])
		}),
	)
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
var nouns = map[string]string{bucketAccount: "account", bucketRole: "role", bucketProfile: "instance profile"}

func (r *reconciliation) note(kind, name, what string) {
	r.done = append(r.done, kind+" "+name+" "+what)
}
