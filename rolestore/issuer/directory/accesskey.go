package directory

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/rolecall/rolecall/rolestore"
	"github.com/rolecall/rolecall/rolestore/issuer/session"
)

// LongTermPrefix begins the ids of users' access keys
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html).
const LongTermPrefix = "AKIA"

const (
	// StatusActive is that of a key that counts, and StatusInactive of one that does not.
	StatusActive   = "Active"
	StatusInactive = "Inactive"

	// MaxAccessKeys a user has
	// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html).
	MaxAccessKeys = 2
)

// AccessKeyDefinition is an access key as CreateAccessKey answers it and
// UpdateAccessKey changes it.
type AccessKeyDefinition struct {
	// ID begins with AKIA; when empty, the core makes one. It is known again by its
	// place among those without an id.
	ID string
	// Secret is made by the core when it is empty.
	Secret rolestore.Secret
	// Status is Active, also when empty, or Inactive.
	Status string
}

// AccessKey is a user's long-term access key.
type AccessKey struct {
	ID     string
	Secret rolestore.Secret
	Active bool
	User   *User
	// Created is zero of a key of before it was noted.
	Created time.Time
}

type accessKeyRecord struct {
	ID       string `json:"access_key_id"`
	Secret   string `json:"secret_access_key"`
	Inactive bool   `json:"inactive,omitempty"`
	// Nameless is set when the definition left the id to the core.
	Nameless bool `json:"nameless,omitempty"`
	// Unseen is set when the core made the secret and nobody has seen it yet.
	Unseen bool `json:"unseen,omitempty"`
	// Created is zero of a key of before it was noted.
	Created time.Time `json:"create_date,omitzero"`
}

func (k accessKeyRecord) accessKey(u *User) *AccessKey {
	return &AccessKey{ID: k.ID, Secret: rolestore.NewSecret(k.Secret), Active: !k.Inactive, User: u, Created: k.Created}
}

var (
	accessKeyID  = regexp.MustCompile(`^AKIA[A-Z2-7]{16}$`)
	accessSecret = regexp.MustCompile(`^[A-Za-z0-9/+]{40}$`)
)

func validateAccessKeys(keys []AccessKeyDefinition, seen map[string]bool) error {
	if len(keys) > MaxAccessKeys {
		return fmt.Errorf("access_keys: a user has at most %d", MaxAccessKeys)
	}
	for _, k := range keys {
		switch {
		case k.ID != "" && !accessKeyID.MatchString(k.ID):
			return fmt.Errorf("access_key_id %q: want AKIA and 16 characters of A-Z 2-7, or leave it out and the core makes one", k.ID)
		case k.ID == "" && !k.Secret.IsZero():
			return errors.New("secret_access_key: it needs the access_key_id that it belongs to")
		case !k.Secret.IsZero() && !accessSecret.MatchString(k.Secret.Reveal()):
			return fmt.Errorf("access key %s: secret_access_key: want 40 characters of A-Z a-z 0-9 / +", k.ID)
		case k.Status != "" && k.Status != StatusActive && k.Status != StatusInactive:
			return fmt.Errorf("status %q of an access key: want %s or %s", k.Status, StatusActive, StatusInactive)
		case seen[k.ID]:
			return fmt.Errorf("access key %s is defined twice", k.ID)
		}
		seen[k.ID] = k.ID != ""
	}
	return nil
}

// accessKeys gives the user the keys that are wanted, and reports whether any is
// not as it was. A key that is wanted no longer is gone at once: it is a part of its
// user's definition, as a policy is.
func (r *reconciliation) accessKeys(user string, u *userRecord, want []AccessKeyDefinition) (bool, error) {
	var next []accessKeyRecord
	nameless := slices.DeleteFunc(slices.Clone(u.AccessKeys), func(k accessKeyRecord) bool { return !k.Nameless })
	for _, w := range want {
		k := accessKeyRecord{ID: w.ID, Created: r.at}
		if w.ID == "" && len(nameless) > 0 {
			k, nameless = nameless[0], nameless[1:]
		} else if i := slices.IndexFunc(u.AccessKeys, func(k accessKeyRecord) bool { return k.ID == w.ID }); i >= 0 {
			k = u.AccessKeys[i]
		}
		if err := k.fill(w, u.Account); err != nil {
			return false, err
		}
		next = append(next, k)
	}
	if slices.Equal(next, u.AccessKeys) {
		return false, nil
	}
	r.noteKeys(user, u.AccessKeys, next)
	u.AccessKeys = next
	return true, nil
}

// fill makes k what the definition says, and what it leaves open, once.
func (k *accessKeyRecord) fill(w AccessKeyDefinition, account string) (err error) {
	if k.ID == "" {
		k.Nameless = true
		if k.ID, err = session.NewAccessKeyID(LongTermPrefix, account); err != nil {
			return err
		}
	}
	k.Inactive = w.Status == StatusInactive
	switch {
	case !w.Secret.IsZero():
		k.Secret, k.Unseen = w.Secret.Reveal(), false
	case k.Secret == "":
		k.Secret, k.Unseen = newSecret(), true
	}
	return nil
}

func newSecret() string {
	var b [30]byte // 40 characters of base64
	_, _ = rand.Read(b[:])
	return base64.StdEncoding.EncodeToString(b[:])
}

// noteKeys says what became of each key.
func (r *reconciliation) noteKeys(user string, before, after []accessKeyRecord) {
	was := map[string]accessKeyRecord{}
	for _, k := range before {
		was[k.ID] = k
	}
	for _, k := range after {
		old, there := was[k.ID]
		delete(was, k.ID)
		name := k.ID + " of user " + user
		switch {
		case !there && k.Unseen:
			r.note("access key", name, "created: `rolecall core secrets` shows its secret, once")
		case !there:
			r.note("access key", name, "created")
		case old.Inactive != k.Inactive:
			r.note("access key", name, "is now "+map[bool]string{true: StatusInactive, false: StatusActive}[k.Inactive])
		case old.Secret != k.Secret:
			r.note("access key", name, "has another secret")
		}
	}
	for _, k := range before {
		if _, gone := was[k.ID]; gone {
			r.note("access key", k.ID+" of user "+user, "deleted")
		}
	}
}

// uniqueKeys refuses an access key id that two users have, of whom one may be
// defined no longer and kept.
func (r *reconciliation) uniqueKeys() error {
	owner := map[string]string{}
	return EachJSON(r.tx, bucketUser, func(user string, u userRecord) error {
		for _, k := range u.AccessKeys {
			if other := owner[k.ID]; other != "" {
				return fmt.Errorf("access key %s is that of user %s and of user %s: give one another, or delete the one that is defined no longer with --prune", k.ID, other, user)
			}
			owner[k.ID] = user
		}
		return nil
	})
}
