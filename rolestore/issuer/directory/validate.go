package directory

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"unicode/utf8"

	"github.com/rolecall/rolecall/rolestore/issuer/policy"
)

var (
	accountID  = regexp.MustCompile(`^[0-9]{12}$`)
	iamName    = regexp.MustCompile(`^[A-Za-z0-9_+=,.@-]{1,64}$`)
	longName   = regexp.MustCompile(`^[A-Za-z0-9_+=,.@-]{1,128}$`)
	iamPath    = regexp.MustCompile(`^/([!-.0-9;-~]+/){0,16}$`) // STS takes no colon in a role's ARN
	tagKey     = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]{1,128}$`)
	tagValue   = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]{0,256}$`)
	policyName = longName
)

// The quotas of one user, group or role
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html).
const (
	maxAttached = 20 // managed policies, to which AWS can raise its 10
	maxGroups   = 10 // of a user
	maxTags     = 50
)

// Validate reports what IAM would refuse, naming the account and the object.
func (d Definitions) Validate() error {
	if len(d.Accounts) == 0 {
		return errors.New("no account is defined: name at least one")
	}
	seen, keys := map[string]bool{}, map[string]bool{}
	for _, a := range d.Accounts {
		if !accountID.MatchString(a.ID) {
			return in("account", a.ID, errors.New("want twelve digits, in quotes"))
		}
		if seen[a.ID] {
			return in("account", a.ID, errTwice)
		}
		seen[a.ID] = true
		if err := a.validate(keys); err != nil {
			return in("account", a.ID, err)
		}
	}
	return nil
}

// there is what an account defines, by name; managed policies by ARN.
type there struct{ policies, groups, users, roles map[string]bool }

func (a AccountDefinition) validate(keys map[string]bool) error {
	if err := a.validateRegions(); err != nil {
		return err
	}
	t := there{map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]bool{}}
	for arn := range awsManaged() {
		t.policies[arn] = true
	}
	for _, check := range []func(there) error{a.validatePolicies, a.validateGroups, func(t there) error { return a.validateUsers(t, keys) }, a.validateRoles, a.validateRest} {
		if err := check(t); err != nil {
			return err
		}
	}
	return nil
}

func (a AccountDefinition) validatePolicies(t there) error {
	seen := map[string]bool{}
	for _, p := range a.Policies {
		if err := named("policy", p.Name, p.Path, longName, seen); err != nil {
			return err
		}
		if err := p.validate(); err != nil {
			return in("policy", p.Name, err)
		}
		t.policies[arn(a.ID, "policy", orRoot(p.Path), p.Name)] = true
	}
	return nil
}

func (a AccountDefinition) validateGroups(t there) error {
	for _, g := range a.Groups {
		if err := named("group", g.Name, g.Path, longName, t.groups); err != nil {
			return err
		}
		if err := t.allow("group", g.Name, policy.MaxGroupInlineSize, permissions{inline: g.Policies, managed: g.ManagedPolicies}); err != nil {
			return in("group", g.Name, err)
		}
	}
	return nil
}

func (a AccountDefinition) validateUsers(t there, keys map[string]bool) error {
	for _, u := range a.Users {
		if err := named("user", u.Name, u.Path, iamName, t.users); err != nil {
			return err
		}
		err := errors.Join(
			t.allow("user", u.Name, policy.MaxUserInlineSize, permissions{u.Policies, u.ManagedPolicies, u.PermissionsBoundary}),
			validateTags(u.Tags), validateAccessKeys(u.AccessKeys, keys))
		if len(u.Groups) > maxGroups {
			err = errors.Join(err, fmt.Errorf("groups: a user is in at most %d", maxGroups))
		}
		for _, g := range u.Groups {
			if !t.groups[g] {
				err = errors.Join(err, fmt.Errorf("group %q is not defined in this account", g))
			}
		}
		if err != nil {
			return in("user", u.Name, err)
		}
	}
	return nil
}

func (a AccountDefinition) validateRoles(t there) error {
	for _, r := range a.Roles {
		if err := named("role", r.Name, r.Path, iamName, t.roles); err != nil {
			return err
		}
		if r.Name == AdministratorRole {
			return in("role", r.Name, errors.New("it is the core's own: choose another name"))
		}
		if err := errors.Join(r.validate(), validateTags(r.Tags),
			t.allow("role", r.Name, policy.MaxRoleInlineSize, permissions{r.Policies, r.ManagedPolicies, r.PermissionsBoundary})); err != nil {
			return in("role", r.Name, err)
		}
	}
	return nil
}

func (r RoleDefinition) validate() error {
	if d := r.MaxSessionDuration; d != 0 && (d < minSession || d > maxSession) {
		return fmt.Errorf("max_session_duration %s: want %s to %s", d, minSession, maxSession)
	}
	if _, err := policy.ParseTrust(r.AssumeRolePolicyDocument); err != nil {
		return fmt.Errorf("assume_role_policy_document: %w", err)
	}
	// AWS's quota is 2,048 until an account's owner asks for more. Here he has.
	return policy.CheckTrustSize(r.AssumeRolePolicyDocument, policy.MaxTrustSize)
}

func (a AccountDefinition) validateRest(t there) error {
	profiles, devices := map[string]bool{}, map[string]bool{}
	for _, p := range a.InstanceProfiles {
		if err := named("instance profile", p.Name, p.Path, iamName, profiles); err != nil {
			return err
		}
		if !t.roles[p.Role] {
			return in("instance profile", p.Name, fmt.Errorf("role %q is not defined in this account", p.Role))
		}
		if err := validateTags(p.Tags); err != nil {
			return in("instance profile", p.Name, err)
		}
	}
	for _, m := range a.VirtualMFADevices {
		if err := named("virtual MFA device", m.Name, m.Path, longName, devices); err != nil {
			return err
		}
		if err := m.validate(t.users); err != nil {
			return in("virtual MFA device", m.Name, err)
		}
	}
	return errors.Join(a.validateOnPremises(), a.validateOIDCProviders(), a.validateSAMLProviders(), a.validateGrants(profiles))
}

// allow reports policies that cannot be what a user, group or role may do.
func (t there) allow(kind, name string, quota int, p permissions) error {
	for _, name := range slices.Sorted(maps.Keys(p.inline)) {
		if !policyName.MatchString(name) {
			return fmt.Errorf("policy %q: want a name of 1 to 128 characters of A-Z a-z 0-9 _+=,.@-", name)
		}
	}
	if _, err := inline(p.inline); err != nil {
		return err
	}
	if len(p.managed) > maxAttached {
		return fmt.Errorf("attached_managed_policies: at most %d can be attached", maxAttached)
	}
	for _, arn := range append(slices.Clone(p.managed), p.boundary) {
		if arn != "" && !t.policies[arn] {
			return fmt.Errorf("managed policy %q is not defined in this account, and none of AWS's that this core knows", arn)
		}
	}
	return policy.CheckInlineSize(kind, name, quota, slices.Collect(maps.Values(p.inline))...)
}

func validateTags(tags map[string]string) error {
	if len(tags) > maxTags {
		return fmt.Errorf("tags: at most %d", maxTags)
	}
	seen := map[string]bool{}
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		switch {
		case !utf8.ValidString(k) || !tagKey.MatchString(k):
			return fmt.Errorf("tag %q: want a key of 1 to 128 letters, digits, spaces and _.:/=+-@", k)
		case !utf8.ValidString(tags[k]) || !tagValue.MatchString(tags[k]):
			return fmt.Errorf("tag %s: want a value of at most 256 letters, digits, spaces and _.:/=+-@", k)
		case seen[policy.Fold(k)]:
			return fmt.Errorf("tag %s: another tag differs from it in case alone", k)
		}
		seen[policy.Fold(k)] = true
	}
	return nil
}

// errTwice is for an object that is defined twice.
var errTwice = errors.New("it is defined twice")

func named(kind, name, path string, form *regexp.Regexp, seen map[string]bool) error {
	switch {
	case !form.MatchString(name) && form == longName:
		return in(kind, name, errors.New("want a name of 1 to 128 characters of A-Z a-z 0-9 _+=,.@-"))
	case !form.MatchString(name):
		return in(kind, name, errors.New("want a name of 1 to 64 characters of A-Z a-z 0-9 _+=,.@-"))
	case path != "" && !iamPath.MatchString(path):
		return in(kind, name, fmt.Errorf("path %q must begin and end with a slash, and have no space and no colon", path))
	case seen[name]:
		return in(kind, name, errTwice)
	}
	seen[name] = true
	return nil
}
