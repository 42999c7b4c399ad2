package hosts

import (
	"fmt"
	"time"

	"github.com/rolecall/rolecall/rolestore/issuer/directory"
	"github.com/rolecall/rolecall/rolestore/issuer/policy"
)

// Standing is what comes before the trust policy when the host of an instance asks for
// its role.
type Standing struct {
	InstanceID string `json:"instance_id"`
	// Host has the lease of the instance, since Leased; without a lease it is a host
	// that a grant would let have it.
	Host   string    `json:"host,omitempty"`
	Leased time.Time `json:"leased,omitzero"`
	// Grant is the name of the one that decides, and InstanceProfile the profile in it.
	Grant           string `json:"grant,omitempty"`
	InstanceProfile string `json:"instance_profile,omitempty"`
	RoleARN         string `json:"role_arn,omitempty"`
	// TagKeys are the keys of the session tags that the grant lets the host set.
	TagKeys []string `json:"tag_keys,omitempty"`
	// Lacks says what is missing, so that the trust policy is not even looked at.
	Lacks string `json:"lacks,omitempty"`
}

// Why returns how an instance stands, and, if it lacks nothing, what its role's trust
// policy is asked. roleARN may be empty: the role is then the one that was fetched
// last, or the first that a grant lets a host fetch. tags are those that the host is to
// set.
func (d *Desk) Why(instance, roleARN string, tags map[string]string, context *policy.Context, now time.Time) (Standing, policy.Request, policy.Policies) {
	s := d.directory.Snapshot()
	st := Standing{InstanceID: instance, RoleARN: roleARN}
	role, grant, lacks := d.standing(s, &st)
	if role == nil {
		st.Lacks = lacks
		return st, policy.Request{}, policy.Policies{}
	}
	st.Grant, st.RoleARN, st.TagKeys = grant.Name, role.ARN(), grant.TagKeys
	for _, arn := range grant.InstanceProfiles {
		if p := s.InstanceProfile(arn); p != nil && p.Role == role.Name && p.Account == role.Account {
			st.InstanceProfile = arn
			break
		}
	}
	all, err := tagged(grant, tags)
	if err != nil {
		st.Lacks = err.Error()
		return st, policy.Request{}, policy.Policies{}
	}
	request, policies := matter(role, grant, all, Request{RoleARN: role.ARN(), SessionName: instance, Context: context}, now)
	return st, request, policies
}

// standing finds the host, the grant and the role, or says what is missing.
func (d *Desk) standing(s *directory.Snapshot, st *Standing) (*directory.Role, *directory.Grant, string) {
	if !instanceID.MatchString(st.InstanceID) {
		return nil, nil, fmt.Sprintf("%.32q is no instance id", st.InstanceID)
	}
	candidates := s.Hosts()
	if lease, ok := d.directory.Lease(st.InstanceID); ok {
		st.Host, st.Leased = lease.Host, lease.Since
		host := s.Host(lease.Host)
		if host == nil {
			return nil, nil, "host " + lease.Host + ", which has the instance, is not registered"
		}
		candidates = []*directory.Host{host}
		if last := s.RoleByID(lease.RoleID); last != nil && st.RoleARN == "" {
			st.RoleARN = last.ARN()
		}
	}
	lacks := "no host is granted the instance, and none has asked for it: see `rolecall core grant put`"
	for _, host := range candidates {
		arn := st.RoleARN
		if arn == "" {
			arn = firstRole(s, host, st.InstanceID)
		}
		role, grant, err := granted(s, host, st.InstanceID, arn)
		if err == nil {
			st.Host = host.ID
			return role, grant, ""
		}
		if st.Host != "" || firstRole(s, host, st.InstanceID) != "" {
			lacks = err.Error()
		}
	}
	if st.RoleARN != "" && s.Role(st.RoleARN) == nil {
		lacks = "there is no role " + st.RoleARN
	}
	return nil, nil, lacks
}

// firstRole is the first that a host may fetch for an instance; empty if there is none.
func firstRole(s *directory.Snapshot, host *directory.Host, instance string) string {
	for _, grant := range s.GrantsOf(host.ID) {
		if !grant.CoversInstance(instance) {
			continue
		}
		for _, arn := range grant.InstanceProfiles {
			if p := s.InstanceProfile(arn); p != nil {
				if role := s.RoleByName(p.Account, p.Role); role != nil {
					return role.ARN()
				}
			}
		}
	}
	return ""
}
