package directory

import (
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/rolecall/rolecall/rolestore/issuer/policy"
)

// Definitions are what an operator wants the directory to hold.
type Definitions struct {
	Accounts []AccountDefinition

	builtIn bool // the core's own, in the absence of an operator's
}

// AccountDefinition is one account and what is in it.
type AccountDefinition struct {
	// ID is twelve digits.
	ID               string
	Roles            []RoleDefinition
	InstanceProfiles []InstanceProfileDefinition
}

// RoleDefinition is a role as CreateRole takes it
// (https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html).
type RoleDefinition struct {
	Name string
	// Path is "/" when empty.
	Path string
	// AssumeRolePolicyDocument is the trust policy, JSON.
	AssumeRolePolicyDocument []byte
	// Policies are the inline policies by name, JSON.
	Policies map[string][]byte
	// MaxSessionDuration is one hour when zero, at most twelve.
	MaxSessionDuration time.Duration
}

// InstanceProfileDefinition is an instance profile and its role.
type InstanceProfileDefinition struct {
	Name string
	// Path is "/" when empty.
	Path string
	// Role is the name of a role of the same account.
	Role string
}

const (
	minSession = time.Hour
	maxSession = 12 * time.Hour

	// DefaultName is the name of the built-in role and of its instance profile.
	DefaultName = "default"

	// trustEC2 is what the AWS console writes for a role for EC2.
	trustEC2 = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`

	// trustNobody is for the administrator's role.
	trustNobody = `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"sts:AssumeRole"}]}`

	// denyAll is for a role whose own policies are not understood.
	denyAll = `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}`

	// allowAll is AWS's AdministratorAccess.
	allowAll = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`
)

// Default defines one account with the role "default" and its instance profile.
// EC2 may assume the role, and no policy allows it anything: it can prove who it
// is and nothing else.
func Default(account string) Definitions {
	return Definitions{builtIn: true, Accounts: []AccountDefinition{{
		ID:               account,
		Roles:            []RoleDefinition{{Name: DefaultName, AssumeRolePolicyDocument: []byte(trustEC2)}},
		InstanceProfiles: []InstanceProfileDefinition{{Name: DefaultName, Role: DefaultName}},
	}}}
}

var (
	accountID  = regexp.MustCompile(`^[0-9]{12}$`)
	iamName    = regexp.MustCompile(`^[A-Za-z0-9_+=,.@-]{1,64}$`)
	iamPath    = regexp.MustCompile(`^/([!-.0-9;-~]+/){0,16}$`) // STS takes no colon in a role's ARN
	policyName = regexp.MustCompile(`^[A-Za-z0-9_+=,.@-]{1,128}$`)
)

// Validate reports what IAM would refuse, naming the account and the object.
func (d Definitions) Validate() error {
	if len(d.Accounts) == 0 {
		return errors.New("no account is defined: name at least one")
	}
	seen := map[string]bool{}
	for _, a := range d.Accounts {
		if !accountID.MatchString(a.ID) {
			return fmt.Errorf("account %q: want twelve digits, in quotes", a.ID)
		}
		if seen[a.ID] {
			return fmt.Errorf("account %s is defined twice", a.ID)
		}
		seen[a.ID] = true
		if err := a.validate(); err != nil {
			return fmt.Errorf("account %s: %w", a.ID, err)
		}
	}
	return nil
}

func (a AccountDefinition) validate() error {
	roles, profiles := map[string]bool{}, map[string]bool{}
	for _, r := range a.Roles {
		if err := named("role", r.Name, r.Path, roles); err != nil {
			return err
		}
		if r.Name == AdministratorRole {
			return fmt.Errorf("role %s is the core's own: choose another name", r.Name)
		}
		for name := range r.Policies {
			if !policyName.MatchString(name) {
				return fmt.Errorf("role %s: policy %q: want a name of 1 to 128 characters of A-Z a-z 0-9 _+=,.@-", r.Name, name)
			}
		}
		if _, err := r.parse(); err != nil {
			return fmt.Errorf("role %s: %w", r.Name, err)
		}
	}
	for _, p := range a.InstanceProfiles {
		if err := named("instance profile", p.Name, p.Path, profiles); err != nil {
			return err
		}
		if !roles[p.Role] {
			return fmt.Errorf("instance profile %s: role %q is not defined in this account", p.Name, p.Role)
		}
	}
	return nil
}

func named(kind, name, path string, seen map[string]bool) error {
	switch {
	case !iamName.MatchString(name):
		return fmt.Errorf("%s %q: want 1 to 64 characters of A-Z a-z 0-9 _+=,.@-", kind, name)
	case path != "" && !iamPath.MatchString(path):
		return fmt.Errorf("%s %s: path %q must begin and end with a slash, and have no space and no colon", kind, name, path)
	case seen[name]:
		return fmt.Errorf("%s %s is defined twice", kind, name)
	}
	seen[name] = true
	return nil
}

// parse returns the role that the definition describes, without its account and
// unique id.
func (r RoleDefinition) parse() (*Role, error) {
	role := &Role{Name: r.Name, Path: orRoot(r.Path), MaxSessionDuration: r.MaxSessionDuration}
	if role.MaxSessionDuration == 0 {
		role.MaxSessionDuration = minSession
	}
	if d := role.MaxSessionDuration; d < minSession || d > maxSession {
		return nil, fmt.Errorf("max_session_duration %s: want %s to %s", d, minSession, maxSession)
	}
	var err error
	if role.Trust, err = policy.Parse(policy.Trust, r.AssumeRolePolicyDocument); err != nil {
		return nil, fmt.Errorf("assume_role_policy_document: %w", err)
	}
	for name, text := range r.Policies {
		document, err := policy.Parse(policy.Identity, text)
		if err != nil {
			return nil, fmt.Errorf("policy %s: %w", name, err)
		}
		role.Policies = append(role.Policies, document)
	}
	return role, nil
}

// orRoot is IAM's default for a path.
func orRoot(path string) string {
	if path == "" {
		return "/"
	}
	return path
}
