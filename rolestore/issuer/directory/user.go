package directory

import (
	"fmt"
	"time"

	"github.com/rolecall/rolecall/rolestore/issuer/policy"
)

// UserDefinition is a user as CreateUser and its companions take it
// (https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateUser.html).
type UserDefinition struct {
	Name string
	// Path is "/" when empty.
	Path string
	// Groups are the names of groups of the same account.
	Groups []string
	// Policies are the inline policies by name, JSON.
	Policies map[string][]byte
	// ManagedPolicies are the ARNs of those that are attached.
	ManagedPolicies []string
	// PermissionsBoundary is the ARN of a managed policy, or empty.
	PermissionsBoundary string
	Tags                map[string]string
	// AccessKeys are at most two.
	AccessKeys []AccessKeyDefinition `json:"-"` // the record keeps them by itself
}

// User is an IAM user.
type User struct {
	Principal
	// MFADevices are the serial numbers of the user's devices.
	MFADevices []string
	// AccessKeys are his long-term keys, the oldest first.
	AccessKeys []*AccessKey
	// Created is zero of a user of before it was noted.
	Created time.Time
	// Definition is what the user was defined as, but for his access keys. It must not be
	// changed.
	Definition *UserDefinition
}

// ARN is arn:aws:iam::<account>:user<path><name>.
func (u *User) ARN() string { return arn(u.Account, "user", u.Path, u.Name) }

type userRecord struct {
	record[UserDefinition]
	AccessKeys []accessKeyRecord `json:"access_keys"`
}

func (r *reconciliation) user(account string, want UserDefinition) error {
	k := key(account, want.Name)
	var next userRecord
	if err := r.tx.GetJSON(bucketUser, k, &next); err != nil || r.givesWay(r.by, next.ManagedBy) {
		return err
	}
	if next.Path != orRoot(want.Path) {
		next.AccessKeys = nil // they were another user's
	}
	keys := want.AccessKeys
	want.AccessKeys = nil
	changed := settle(r, object{bucketUser, "AIDA", account, want.Name, want.Path, r.by}, &next.record, want, UserDefinition.changes)
	rekeyed, err := r.accessKeys(k, &next, keys)
	if err != nil || !changed && !rekeyed {
		return err
	}
	return r.tx.PutJSON(bucketUser, k, next)
}

// loadUsers reads the users; policies and groups are there by now. Like a role, a user
// with a policy that this version does not understand, or in a group that has one, may do
// nothing.
func (s *Snapshot) loadUsers(tx *Tx, report func(kind, name string, err error)) error {
	return EachJSON(tx, bucketUser, func(k string, r userRecord) error {
		u, err := r.user(s)
		if err != nil {
			report("user", k, err)
			u.Policies = policy.Set{{Name: "unreadable", Document: ours(policy.Identity, denyAll)}}
		}
		s.addUser(u, r.AccessKeys)
		return nil
	})
}

func (r userRecord) user(s *Snapshot) (u *User, err error) {
	d := r.Definition
	u = &User{Principal: Principal{UniqueID: r.UniqueID, Account: r.Account, ManagedBy: r.ManagedBy,
		Name: d.Name, Path: orRoot(d.Path), Tags: d.Tags}, Created: r.Created, Definition: &d}
	u.Policies, u.Boundary, err = permissions{d.Policies, d.ManagedPolicies, d.PermissionsBoundary}.resolve(s)
	if err != nil {
		return u, err
	}
	for _, name := range d.Groups {
		g := s.groups[key(r.Account, name)]
		if g == nil {
			return u, fmt.Errorf("there is no group %s", name)
		}
		u.Policies = append(u.Policies, g.policies...)
	}
	return u, nil
}

// User returns the user of that ARN, or nil.
func (s *Snapshot) User(arn string) *User { return s.userByARN[arn] }

// UserByName returns an account's user of that name, or nil.
func (s *Snapshot) UserByName(account, name string) *User { return s.users[key(account, name)] }

// Users are those of an account, by their names.
func (s *Snapshot) Users(account string) []*User {
	return inAccount(s.users, account, func(u *User) (account, name string) { return u.Account, u.Name })
}

// UserByID returns the user of that unique id, or nil: what a session token names.
func (s *Snapshot) UserByID(id string) *User { return s.userByID[id] }

// AccessKey returns the long-term access key of that id, or nil.
func (s *Snapshot) AccessKey(id string) *AccessKey { return s.accessKeys[id] }

func (s *Snapshot) addUser(u *User, keys []accessKeyRecord) {
	s.users[key(u.Account, u.Name)] = u
	s.userByARN[u.ARN()] = u
	s.userByID[u.UniqueID] = u
	s.userNames[fold(u.Account, u.Name)] = u.Name
	for _, k := range keys {
		u.AccessKeys = append(u.AccessKeys, k.accessKey(u))
		s.accessKeys[k.ID] = u.AccessKeys[len(u.AccessKeys)-1]
	}
}
