package directory

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/rolecall/rolecall/rolestore/issuer/policy"
)

// trust freezes the trust policies of the roles that are defined, once all that they
// may name is there. What a file says it says each time that it is read: whom it
// names is who has that name now. The policy of a role that is defined no longer,
// and kept, goes on naming whom it named.
func (r *reconciliation) trust() error {
	now := r.tx.Snapshot()
	return EachJSON(r.tx, bucketRole, func(k string, role roleRecord) error {
		if !r.named[bucketRole+"/"+k] {
			return nil
		}
		frozen, err := policy.Freeze(role.Definition.AssumeRolePolicyDocument, now)
		var invalid *policy.Error
		switch {
		case errors.As(err, &invalid):
			return in("account", role.Account, in("role", role.Definition.Name,
				fmt.Errorf("assume_role_policy_document: %w: a user, role or account that is named must be defined here", err)))
		case err != nil || bytes.Equal(frozen, role.Trust):
			return err
		case role.Trust != nil && !r.noted(nouns[bucketRole], k):
			r.note(nouns[bucketRole], k, "updated: its trust policy names somebody who was made anew")
		}
		role.Trust = frozen
		return r.tx.PutJSON(bucketRole, k, role)
	})
}

// noted reports whether there is a line about the object already.
func (r *reconciliation) noted(kind, name string) bool {
	for _, line := range r.done {
		if strings.HasPrefix(line, kind+" "+name+" ") {
			return true
		}
	}
	return false
}

// UniqueID implements [policy.Identities].
func (s *Snapshot) UniqueID(arn string) (id string, ok bool) {
	if e := s.arns.get(arn); e != nil && (e.Bucket == bucketUser || e.Bucket == bucketRole) {
		return e.ids[0], true
	}
	fields := strings.SplitN(arn, ":", 6)
	if len(fields) != 6 || fields[1] != Partition {
		return "", false
	}
	account, rest := fields[4], fields[5]
	if name, ok := strings.CutPrefix(rest, "assumed-role/"); ok && fields[2] == "sts" {
		if e := s.record(bucketRole, key(account, name)); e != nil {
			return e.ids[0], true
		}
		return "", false
	}
	return account, rest == "root" && fields[2] == "iam" && s.HasAccount(account)
}

// ARN implements [policy.Identities].
func (s *Snapshot) ARN(id string) (arn string, ok bool) {
	if e := s.ids.get(id); e != nil && e.ids[0] == id {
		return e.arn, true
	}
	return "", false
}
