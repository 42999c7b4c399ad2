package directory

import (
	"fmt"
	"slices"
	"time"
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

func readUser(e *entry) error {
	var h struct {
		held
		AccessKeys []accessKeyRecord `json:"access_keys"`
	}
	if err := e.decode(&h); err != nil {
		return err
	}
	name := h.Definition.Name
	e.arn, e.ids = arn(h.Account, "user", orRoot(h.Path), name), []string{h.UniqueID}
	e.owners = append(h.holdings(KindUser), nameOf(bucketUser, h.Account, name))
	for _, group := range h.Definition.Groups {
		e.owners = append(e.owners, usersInGroup(h.Account, group)+name)
	}
	for _, k := range h.AccessKeys {
		e.ids = append(e.ids, k.ID)
	}
	return nil
}

// makeUser makes the user of a record. Like a role, a user with a policy that this
// version does not understand, or in a group that has one, may do nothing.
func makeUser(e *entry, m *maker) any {
	var r userRecord
	err := e.decode(&r)
	d := r.Definition
	u := &User{Principal: Principal{UniqueID: r.UniqueID, Account: r.Account, ManagedBy: r.ManagedBy,
		Name: d.Name, Path: orRoot(d.Path), Tags: d.Tags}, Created: r.Created, Definition: &d}
	if err == nil {
		err = u.fill(d, m)
	}
	if err != nil {
		m.unusable("user", e.Name, err)
		u.Policies, u.Boundary = unreadable(), nil
	}
	for _, k := range r.AccessKeys {
		u.AccessKeys = append(u.AccessKeys, k.accessKey(u))
	}
	for _, device := range append(m.owned(devicesOfUser(r.Account, d.Name)), m.owned(devicesOfHolder(r.UniqueID))...) {
		u.MFADevices = append(u.MFADevices, device.arn)
	}
	slices.Sort(u.MFADevices)
	return u
}

func (u *User) fill(d UserDefinition, m *maker) (err error) {
	u.Policies, u.Boundary, err = permissions{d.Policies, d.ManagedPolicies, d.PermissionsBoundary}.resolve(m)
	if err != nil {
		return err
	}
	for _, name := range d.Groups {
		g := using[*Group](m, m.one(byName, bucketGroup, bucketGroup+"/"+key(u.Account, name)))
		if g == nil {
			return fmt.Errorf("there is no group %s", name)
		}
		u.Policies = append(u.Policies, g.policies...)
	}
	return nil
}

// User returns the user of that ARN, or nil.
func (s *Snapshot) User(arn string) *User { return thing[*User](s, among(s.arns, bucketUser, arn)) }

// UserByName returns an account's user of that name, or nil.
func (s *Snapshot) UserByName(account, name string) *User {
	return thing[*User](s, s.record(bucketUser, key(account, name)))
}

// Users are those of an account, by their names.
func (s *Snapshot) Users(account string) []*User { return things[*User](s, bucketUser, account) }

// UserByID returns the user of that unique id, or nil: what a session token names.
func (s *Snapshot) UserByID(id string) *User {
	if u := thing[*User](s, among(s.ids, bucketUser, id)); u != nil && u.UniqueID == id {
		return u
	}
	return nil
}

// AccessKey returns the long-term access key of that id, or nil.
func (s *Snapshot) AccessKey(id string) *AccessKey {
	u := thing[*User](s, among(s.ids, bucketUser, id))
	if u == nil {
		return nil
	}
	if i := slices.IndexFunc(u.AccessKeys, func(k *AccessKey) bool { return k.ID == id }); i >= 0 {
		return u.AccessKeys[i]
	}
	return nil
}
