package directory

import (
	"maps"
	"slices"

	"github.com/rolecall/rolecall/rolestore/issuer/session"
)

// Snapshot is the directory at one moment. It is immutable.
type Snapshot struct {
	coreID   string
	keys     []session.Key
	sealer   *session.Sealer
	home     string
	accounts map[string]bool
	aliases  map[string]string // by account

	roles         map[string]*Role            // by account/name
	roleByARN     map[string]*Role            // by ARN
	roleByID      map[string]*Role            // by unique id
	roleNames     map[string]string           // by account/name in lower case: the name
	profiles      map[string]*InstanceProfile // by account/name
	profileNames  map[string]string           // by account/name in lower case: the name
	profileByARN  map[string]*InstanceProfile // by ARN
	hosts         map[string]*Host            // by id
	policies      map[string]*ManagedPolicy   // by ARN
	users         map[string]*User            // by account/name
	userByARN     map[string]*User            // by ARN
	userByID      map[string]*User            // by unique id
	userNames     map[string]string           // by account/name in lower case: the name
	groups        map[string]*Group           // by account/name
	groupNames    map[string]string           // by account/name in lower case: the name
	accessKeys    map[string]*AccessKey       // by id
	devices       map[string]*MFADevice       // by serial number
	deviceKeys    map[string]string           // by serial number: account/name
	deviceNames   map[string]string           // by account/name in lower case: the name
	oidcProviders map[string]*OIDCProvider    // by account/URL without its scheme
	samlProviders map[string]*SAMLProvider    // by ARN
	onPremises    map[string][]string         // by account: hosts of identity providers
	tokenIssuers  map[string]string           // by account
	tokenVersions map[string]int              // by account
	inactive      map[string][]string         // by account: its regions that are off
	tokenKeys     []TokenKey
	grants        map[string][]*Grant // by host, in order of their names
	site          []SiteCertificate
	waiting       []*Grant // whose host is not registered
}

func newSnapshot(coreID string, keys []session.Key) *Snapshot {
	return &Snapshot{
		coreID: coreID, keys: keys, sealer: session.NewSealer(keys, Partition, coreID),
		accounts: map[string]bool{}, aliases: map[string]string{},
		roles: map[string]*Role{}, roleByARN: map[string]*Role{}, roleByID: map[string]*Role{}, roleNames: map[string]string{},
		profiles: map[string]*InstanceProfile{}, profileNames: map[string]string{}, profileByARN: map[string]*InstanceProfile{},
		hosts: map[string]*Host{}, grants: map[string][]*Grant{},
		users: map[string]*User{}, userByARN: map[string]*User{}, userByID: map[string]*User{}, userNames: map[string]string{},
		groups: map[string]*Group{}, groupNames: map[string]string{},
		accessKeys: map[string]*AccessKey{}, devices: map[string]*MFADevice{}, deviceKeys: map[string]string{}, deviceNames: map[string]string{}, tokenIssuers: map[string]string{}, tokenVersions: map[string]int{}, inactive: map[string][]string{},
		oidcProviders: map[string]*OIDCProvider{}, onPremises: map[string][]string{}, samlProviders: map[string]*SAMLProvider{},
	}
}

// CoreID is the core's own id, made at its first start: the audience of host tokens.
func (s *Snapshot) CoreID() string { return s.coreID }

// Sealer makes and opens session tokens with the core's issuing keys.
func (s *Snapshot) Sealer() *session.Sealer { return s.sealer }

// Accounts are the ids of all accounts, in order.
func (s *Snapshot) Accounts() []string { return slices.Sorted(maps.Keys(s.accounts)) }

// HomeAccount is the account that is meant where none is named: the first that was
// defined last. It is empty in a directory that was never reconciled.
func (s *Snapshot) HomeAccount() string { return s.home }

// HasAccount reports whether the core has the account.
func (s *Snapshot) HasAccount(id string) bool { return s.accounts[id] }

// Role returns the role of that ARN, or nil.
func (s *Snapshot) Role(arn string) *Role { return s.roleByARN[arn] }

// RoleByID returns the role of that unique id, or nil: what a session token names.
func (s *Snapshot) RoleByID(id string) *Role { return s.roleByID[id] }

// RoleByName returns an account's role of that name, or nil.
func (s *Snapshot) RoleByName(account, name string) *Role { return s.roles[key(account, name)] }

// InstanceProfile returns the profile of that ARN, or nil.
func (s *Snapshot) InstanceProfile(arn string) *InstanceProfile { return s.profileByARN[arn] }

// InstanceProfileByName returns an account's profile of that name, or nil.
func (s *Snapshot) InstanceProfileByName(account, name string) *InstanceProfile {
	return s.profiles[key(account, name)]
}

// InstanceProfiles are those of an account, by ARN.
func (s *Snapshot) InstanceProfiles(account string) []*InstanceProfile {
	var profiles []*InstanceProfile
	for _, arn := range slices.Sorted(maps.Keys(s.profileByARN)) {
		if p := s.profileByARN[arn]; p.Account == account {
			profiles = append(profiles, p)
		}
	}
	return profiles
}

func (s *Snapshot) addRole(r *Role) {
	s.roles[key(r.Account, r.Name)] = r
	s.roleByARN[r.ARN()] = r
	s.roleByID[r.UniqueID] = r
	s.roleNames[fold(r.Account, r.Name)] = r.Name
}

func (s *Snapshot) addProfile(p *InstanceProfile) {
	s.profiles[key(p.Account, p.Name)] = p
	s.profileByARN[p.ARN()] = p
	s.profileNames[fold(p.Account, p.Name)] = p.Name
}

func key(account, name string) string { return account + "/" + name }
