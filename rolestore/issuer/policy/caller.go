package policy

import (
	"slices"
	"strings"
)

// Principal is who asks. A caller is of AWS, who has an Account and an ARN; or a
// Service; or Federated; or nobody knows who, which the zero Principal stands for.
// The members that a caller is not stay empty.
type Principal struct {
	// Account is the 12 digits of the account that the caller belongs to.
	Account string
	// ARN is that of the user, also for one with credentials of GetSessionToken; of
	// the role whose session the caller is; of the user whom a federated user was
	// made by; or of the account's root, arn:aws:iam::<Account>:root.
	ARN string
	// UniqueID is that of the user or the role, AIDA... or AROA...
	UniqueID string
	// Session is the ARN of the session of a role or of a federated user, who is
	// somebody else than the role or the user behind it
	// (arn:aws:sts::<Account>:assumed-role/... and federated-user/...).
	Session string
	// Service is an AWS service, such as ec2.amazonaws.com.
	Service string
	// Federated is the identity provider that vouches for the caller: an ARN, or
	// the host of a provider that has none.
	Federated string
}

// grant is how directly a policy with principals speaks of a caller; the greater,
// the less the caller's own policies can take away.
type grant int

const (
	nobody     grant = iota
	byAccount        // the caller's account, which passes it on by its own policies
	byIdentity       // the role or user behind the session that the caller is
	direct           // the caller, or everyone
)

// isRoot reports whether the caller is the root of its account, to whom no policy
// of the account is attached and who may do everything there.
func (c *Principal) isRoot() bool {
	return c.Account != "" && strings.HasSuffix(c.ARN, ":iam::"+c.Account+":root")
}

// isFederatedUser reports whether the caller has credentials of GetFederationToken.
func (c *Principal) isFederatedUser() bool {
	return strings.Contains(c.Session, ":federated-user/")
}

// grantTo returns how p, as a Principal element, speaks of the caller.
func (p *principals) grantTo(caller *Principal) grant {
	switch {
	case p.everyone, slices.Contains(p.services, caller.Service), slices.Contains(p.federated, caller.Federated), p.hasSession(caller):
		return direct
	case p.hasIdentity(caller) && caller.Session == "":
		return direct
	case p.hasIdentity(caller):
		return byIdentity
	case slices.Contains(p.accounts, caller.Account):
		return byAccount
	}
	return nobody
}

func (p *principals) hasIdentity(caller *Principal) bool {
	return slices.Contains(p.arns, caller.ARN) || slices.Contains(p.arns, caller.UniqueID)
}

// hasSession reports whether p names the session that the caller is, by its ARN or
// by the unique id that replaced the role's name in it.
func (p *principals) hasSession(caller *Principal) bool {
	if caller.Session == "" {
		return false
	}
	if slices.Contains(p.arns, caller.Session) {
		return true
	}
	name := caller.Session[strings.LastIndexByte(caller.Session, '/')+1:]
	return slices.ContainsFunc(p.arns, func(arn string) bool {
		id, session, ok := strings.Cut(arn, ":")
		return ok && id == caller.UniqueID && session == name
	})
}

// exempts reports whether p, as the NotPrincipal of a Deny, leaves the caller out.
// All that the caller is must be named: the session, the role or user behind it,
// and the account. AWS says that it may look at each, so a Deny that leaves out
// one of them is taken at its word
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html).
func (p *principals) exempts(caller *Principal) bool {
	if caller.Account == "" {
		return p.grantTo(caller) == direct
	}
	return p.everyone || slices.Contains(p.accounts, caller.Account) &&
		(caller.isRoot() || p.hasIdentity(caller)) && (caller.Session == "" || p.hasSession(caller))
}

// concerns returns how the statement's principals speak of the caller. An Allow for
// everyone is none for those whom an identity provider vouches for: anybody may have an
// account with one, and who may make a provider would come into each such role. The
// provider must be named.
func (s *statement) concerns(caller *Principal) grant {
	switch {
	case !s.deny && caller.Federated != "" && !slices.Contains(s.principals.federated, caller.Federated) && !s.text.NotPrincipal:
		return nobody
	case !s.text.NotPrincipal:
		return s.principals.grantTo(caller)
	case s.deny && !s.principals.exempts(caller), !s.deny && s.principals.grantTo(caller) == nobody:
		// An Allow for all others names nobody, so it never replaces the caller's own
		// policies.
		return byAccount
	}
	return nobody
}
