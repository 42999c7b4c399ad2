package directory

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/rolecall/rolecall/rolestore/issuer/policy"
)

const (
	// maxGranted bounds the profiles and the patterns of a grant, all of which are gone
	// through for each token. It is IAM's largest quota of instance profiles.
	maxGranted = 5000

	// maxPattern is longer than any instance id that is written as a pattern.
	maxPattern = 256

	// passedTo is the service that a grant passes roles to.
	passedTo = "ec2.amazonaws.com"
)

// ErrNotAuthorized is returned for a grant of what its maker may not pass on.
var ErrNotAuthorized = errors.New("not authorized")

// ErrManaged is returned for a change of what core.yaml defines. The wrapping error
// names the file.
var ErrManaged = errors.New("it is defined in a file")

// Granter is who makes a grant: the caller, the policies that have a say in what he
// does, and the condition keys of his request.
type Granter struct {
	Principal policy.Principal
	Policies  policy.Policies
	Context   *policy.Context
}

// ARN is the granter's own, of his session if he is one.
func (g *Granter) ARN() string {
	if g.Principal.Session != "" {
		return g.Principal.Session
	}
	return g.Principal.ARN
}

// Administrator is the core's own administrator of an account, in a session of that
// name; the account must exist.
func (s *Snapshot) Administrator(account, session string) Granter {
	role := s.RoleByName(account, AdministratorRole)
	return Granter{
		Principal: policy.Principal{Account: account, ARN: role.ARN(), UniqueID: role.UniqueID, Session: role.SessionARN(session)},
		Policies:  policy.Policies{Identity: role.Policies},
	}
}

// PutGrant makes a grant or replaces the one of its name. As with an instance that
// is launched at AWS, its maker must be allowed iam:PassRole for each of the roles
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html).
// The error for one who is not wraps [ErrNotAuthorized].
func (d *Directory) PutGrant(g Grant, by Granter, now time.Time) error {
	err := d.change(func(tx *Tx) error {
		s := d.Snapshot() // which nobody else changes meanwhile
		have := s.Grant(g.Account, g.Name)
		if err := d.free(have); err != nil {
			return err
		}
		err := cmp.Or(g.named(), s.grantable(g), g.check())
		if err != nil {
			return fmt.Errorf("%w: %w", ErrInvalid, err)
		}
		if err := by.mayGrant(s, &g); err != nil {
			return err
		}
		g.replaces(have, now)
		return tx.PutJSON(bucketGrant, key(g.Account, g.Name), g)
	})
	if err != nil {
		return fmt.Errorf("grant %s: %w", g.Name, err)
	}
	return nil
}

// free refuses what core.yaml defines. have may be nil.
func (d *Directory) free(have *Grant) error {
	if have == nil || have.ManagedBy != ManagedByFile || have.Unnamed {
		return nil
	}
	return d.managed()
}

// replaces notes when sessions began to have other tags than those of before.
func (g *Grant) replaces(have *Grant, now time.Time) {
	if have == nil {
		return
	}
	if g.Retagged = have.Retagged; !maps.Equal(have.Tags, g.Tags) || !slices.Equal(have.TagKeys, g.TagKeys) {
		g.Retagged = now.UTC()
	}
}

// RemoveGrant takes a grant away.
func (d *Directory) RemoveGrant(account, name string) error {
	return d.change(func(tx *Tx) error {
		have := d.Snapshot().Grant(account, name)
		if have == nil {
			return fmt.Errorf("grant %s of account %s: %w", name, account, ErrNotFound)
		}
		if err := d.free(have); err != nil {
			return fmt.Errorf("grant %s: %w", name, err)
		}
		return tx.Delete(bucketGrant, key(account, name))
	})
}

func (g *Granter) mayPass(role *Role) error {
	const action = "iam:PassRole"
	context := g.Context.Clone()
	context.Set("iam:PassedToService", passedTo)
	context.Set("aws:PrincipalArn", g.Principal.ARN)
	context.Set("aws:PrincipalAccount", g.Principal.Account)
	decision := policy.Evaluate(policy.Request{Principal: g.Principal, Action: action, Resource: role.ARN(), Context: context}, g.Policies)
	if decision.Allowed() {
		return nil
	}
	return fmt.Errorf("%w: User: %s is not authorized to perform: %s on resource: %s%s", ErrNotAuthorized, g.ARN(), action, role.ARN(), decision.Because(action))
}

// mayGrant refuses a grant of roles that are not there, or that its maker may not pass
// on, and notes who made it.
func (g *Granter) mayGrant(s *Snapshot, grant *Grant) error {
	roles, err := s.rolesIn(grant)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	for _, role := range roles {
		err = errors.Join(err, g.mayPass(role))
	}
	grant.GrantedBy = g.ARN()
	return err
}

// grantable reports a host that there is not, or of another account.
func (s *Snapshot) grantable(g Grant) error {
	host := s.Host(g.Host)
	switch {
	case host == nil:
		return fmt.Errorf("host %q is not registered: see `rolecall core host list`", g.Host)
	case host.Account != g.Account:
		return fmt.Errorf("host %s belongs to account %s, and a grant of account %s gives it nothing", host.ID, host.Account, g.Account)
	}
	return nil
}

// named refuses a name of the core's own for what anybody else grants: it would be
// overwritten.
func (g *Grant) named() error {
	if strings.HasPrefix(g.Name, ownNames) && g.ManagedBy != ManagedByCore {
		return errOwnName
	}
	return nil
}

// check reports what could not be granted to any host.
func (g *Grant) check() error {
	switch {
	case !iamName.MatchString(g.Name):
		return errors.New("want a name of 1 to 64 characters of A-Z a-z 0-9 _+=,.@-")
	case len(g.InstanceProfiles) == 0 || len(g.InstanceProfiles) > maxGranted:
		return fmt.Errorf("want 1 to %d instance profiles", maxGranted)
	case len(g.InstanceIDs) == 0 || len(g.InstanceIDs) > maxGranted:
		return fmt.Errorf("want 1 to %d instance ids or patterns", maxGranted)
	case g.Region != "" && !region.MatchString(g.Region):
		return fmt.Errorf("region %.32q: want one of AWS's form, as eu-central-1", g.Region)
	}
	for _, pattern := range g.InstanceIDs {
		if _, err := path.Match(pattern, ""); err != nil || len(pattern) > maxPattern {
			return fmt.Errorf("instance id %.64q is no pattern: ? is one character, * any, [0-9] one of those", pattern)
		}
		if !strings.HasPrefix(pattern, "i-") {
			return fmt.Errorf("instance id %q: want i- and its digits, or a pattern that begins with i-", pattern)
		}
	}
	for _, profile := range g.InstanceProfiles {
		if strings.ContainsAny(profile, "*?") {
			return fmt.Errorf("instance profile %q: name each profile; * is refused", profile)
		}
	}
	return g.checkTags()
}

func (s *Snapshot) rolesIn(g *Grant) ([]*Role, error) {
	var roles []*Role
	for _, arn := range g.InstanceProfiles {
		profile := s.InstanceProfile(arn)
		if profile == nil {
			return nil, fmt.Errorf("there is no instance profile %s", arn)
		}
		if profile.Account != g.Account {
			return nil, fmt.Errorf("instance profile %s is not of account %s, as the grant is", arn, g.Account)
		}
		if profile.Role == "" {
			return nil, fmt.Errorf("instance profile %s has no role: add one to it first", arn)
		}
		role := s.RoleByName(profile.Account, profile.Role)
		if role == nil {
			return nil, fmt.Errorf("instance profile %s has the role %q, which is gone", arn, profile.Role)
		}
		roles = append(roles, role)
	}
	return roles, nil
}

// region is the form of AWS's names of regions, which are part of ARNs.
var region = regexp.MustCompile(`^[a-z]{2}(-[a-z]{1,16}){1,3}-[0-9]{1,2}$`)
