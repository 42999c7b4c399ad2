package directory

import (
	"fmt"

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

// GroupDefinition is a group of users as CreateGroup takes it.
type GroupDefinition struct {
	Name string
	// Path is "/" when empty.
	Path string
	// Policies are the inline policies by name, JSON.
	Policies map[string][]byte
	// ManagedPolicies are the ARNs of those that are attached.
	ManagedPolicies []string
}

// User is an IAM user.
type User struct {
	Principal
	// MFADevices are the serial numbers of the user's devices.
	MFADevices []string
}

// ARN is arn:aws:iam::<account>:user<path><name>.
func (u *User) ARN() string { return arn(u.Account, "user", u.Path, u.Name) }

type userRecord struct {
	record[UserDefinition]
	AccessKeys []accessKeyRecord `json:"access_keys"`
}

type groupRecord struct{ record[GroupDefinition] }

func (r *reconciliation) group(account string, want GroupDefinition) error {
	k := key(account, want.Name)
	var next groupRecord
	if err := r.tx.GetJSON(bucketGroup, k, &next); err != nil || r.givesWay(r.by, next.ManagedBy) {
		return err
	}
	if settle(r, object{bucketGroup, "AGPA", account, want.Name, want.Path, r.by}, &next.record, want, GroupDefinition.changes) {
		return r.tx.PutJSON(bucketGroup, k, next)
	}
	return nil
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

// loadUsers reads groups and users. Like a role, a user with a policy that this
// version does not understand, or in a group that has one, may do nothing.
func (s *Snapshot) loadUsers(tx *Tx, report func(kind, name string, err error)) error {
	groups := map[string]policy.Set{}
	err := EachJSON(tx, bucketGroup, func(k string, r groupRecord) error {
		set, _, err := permissions{inline: r.Definition.Policies, managed: r.Definition.ManagedPolicies}.resolve(s)
		if err != nil {
			report("group", k, err)
			set = policy.Set{{Name: "unreadable", Document: ours(policy.Identity, denyAll)}}
		}
		groups[k] = set
		return nil
	})
	if err != nil {
		return err
	}
	return EachJSON(tx, bucketUser, func(k string, r userRecord) error {
		u, err := r.user(s, groups)
		if err != nil {
			report("user", k, err)
			u.Policies = policy.Set{{Name: "unreadable", Document: ours(policy.Identity, denyAll)}}
		}
		s.addUser(u, r.AccessKeys)
		return nil
	})
}

func (r userRecord) user(s *Snapshot, groups map[string]policy.Set) (u *User, err error) {
	d := r.Definition
	u = &User{Principal: Principal{UniqueID: r.UniqueID, Account: r.Account, ManagedBy: r.ManagedBy,
		Name: d.Name, Path: orRoot(d.Path), Tags: d.Tags}}
	u.Policies, u.Boundary, err = permissions{d.Policies, d.ManagedPolicies, d.PermissionsBoundary}.resolve(s)
	if err != nil {
		return u, err
	}
	for _, name := range d.Groups {
		set, ok := groups[key(r.Account, name)]
		if !ok {
			return u, fmt.Errorf("there is no group %s", name)
		}
		u.Policies = append(u.Policies, set...)
	}
	return u, nil
}

// User returns the user of that ARN, or nil.
func (s *Snapshot) User(arn string) *User { return s.userByARN[arn] }

// UserByID returns the user of that unique id, or nil: what a session token names.
func (s *Snapshot) UserByID(id string) *User { return s.userByID[id] }

// AccessKey returns the long-term access key of that id, or nil.
func (s *Snapshot) AccessKey(id string) *AccessKey { return s.accessKeys[id] }

func (s *Snapshot) addUser(u *User, keys []accessKeyRecord) {
	s.users[key(u.Account, u.Name)] = u
	s.userByARN[u.ARN()] = u
	s.userByID[u.UniqueID] = u
	for _, k := range keys {
		s.accessKeys[k.ID] = k.accessKey(u)
	}
}
