package directory

import "time"

// Definitions are what an operator wants the directory to hold.
type Definitions struct {
	Accounts []AccountDefinition
	// Source is the file that they are from, for those who want to change what it owns.
	Source string
	// At is when they begin to hold.
	At time.Time

	builtIn bool // the core's own, in the absence of an operator's
}

// AccountDefinition is one account and what is in it.
type AccountDefinition struct {
	// ID is twelve digits.
	ID string
	// JWTVendingEnabled lets the account's principals have tokens of
	// GetWebIdentityToken.
	JWTVendingEnabled bool
	// InactiveRegions are those in which no credentials of the account are made.
	InactiveRegions []string
	// Policies are the managed policies.
	Policies          []PolicyDefinition
	Groups            []GroupDefinition
	Users             []UserDefinition
	VirtualMFADevices []MFADeviceDefinition
	Roles             []RoleDefinition
	InstanceProfiles  []InstanceProfileDefinition
	OIDCProviders     []OIDCProviderDefinition
	SAMLProviders     []SAMLProviderDefinition
	Grants            []GrantDefinition
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
	// ManagedPolicies are the ARNs of those that are attached.
	ManagedPolicies []string
	// PermissionsBoundary is the ARN of a managed policy, or empty.
	PermissionsBoundary string
	Tags                map[string]string
	// MaxSessionDuration is one hour when zero, at most twelve.
	MaxSessionDuration time.Duration
	Description        string
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

// orRoot is IAM's default for a path.
func orRoot(path string) string {
	if path == "" {
		return "/"
	}
	return path
}
