package policy

import (
	"regexp"
	"slices"
	"strings"
)

// principals is a compiled Principal or NotPrincipal element
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html).
type principals struct {
	everyone  bool
	accounts  []string // 12 digits, from these or from the ARN of the root user
	arns      []string // users, roles, role sessions, federated users, or unique ids
	services  []string
	federated []string
}

var (
	accountPrincipal = regexp.MustCompile(`^(?:arn:[a-z-]+:iam::)?([0-9]{12})(:root)?$`)

	// No wildcards: IAM has none in principals. A unique id, such as AROA and 17
	// more letters and digits, is what IAM keeps of an ARN when a policy is saved.
	arnPrincipal = regexp.MustCompile(`^(?:arn:[a-z-]+:iam::[0-9]{12}:(?:user|role)/[\w+=,.@/-]+|` +
		`arn:[a-z-]+:sts::[0-9]{12}:(?:assumed-role/[\w+=,.@-]+/[\w+=,.@-]+|federated-user/[\w+=,.@-]+)|` +
		`A[A-Z]{3}[A-Z0-9]{12,124})$`)

	servicePrincipal = regexp.MustCompile(`^[a-z0-9.-]+\.amazonaws\.com(?:\.cn)?$`)

	// Hosts are the providers that need no object of their own.
	federatedPrincipal = regexp.MustCompile(`^(?:arn:[a-z-]+:iam::[0-9]{12}:(?:saml|oidc)-provider/[^*?]+|` +
		`cognito-identity\.amazonaws\.com|accounts\.google\.com|www\.amazon\.com|graph\.facebook\.com)$`)
)

func parsePrincipals(where string, value any) (*principals, error) {
	if value == "*" {
		return &principals{everyone: true}, nil
	}
	types, ok := value.(object)
	if !ok || len(types) == 0 {
		return nil, errorAt(where, "Invalid principal in policy: want \"*\" or an object.")
	}
	p := &principals{}
	for _, m := range types {
		list, ok := stringList(m.value)
		if !ok || len(list) == 0 {
			return nil, errorAt(where+"."+m.name, "Invalid principal in policy: want a string or a list of strings.")
		}
		for _, text := range list {
			if !p.add(m.name, text) {
				return nil, errorAt(where, "Invalid principal in policy: %q:%q", m.name, text)
			}
		}
	}
	return p, nil
}

// add reports whether text is a principal of the type typ, and takes it in. The
// empty text is none, so that what a caller is not never matches.
func (p *principals) add(typ, text string) bool {
	switch typ {
	case "AWS":
		if text == "*" {
			p.everyone = true
			return true
		}
		// Both or neither of prefix and suffix.
		m := accountPrincipal.FindStringSubmatch(text)
		if m != nil && (m[2] != "") == strings.HasPrefix(text, "arn:") {
			p.accounts = append(p.accounts, m[1])
			return true
		}
		p.arns = append(p.arns, text)
		return arnPrincipal.MatchString(text)
	case "Service":
		p.services = append(p.services, text)
		return servicePrincipal.MatchString(text)
	case "Federated":
		p.federated = append(p.federated, text)
		return federatedPrincipal.MatchString(text)
	}
	return false // CanonicalUser is S3's alone, others are nobody's
}

// Principal is who asks. A caller is either of AWS (Account and ARNs), or a
// Service, or Federated; the other members are then empty.
type Principal struct {
	// Account is the 12 digits of the account that the caller belongs to.
	Account string
	// ARNs are all the forms that identify the caller: the ARN of the user, or
	// those of the role and of the role's session, and the unique ids of these.
	ARNs []string
	// Service is an AWS service, such as ec2.amazonaws.com.
	Service string
	// Federated is the identity provider that vouches for the caller: an ARN, or
	// the host of a provider that has none.
	Federated string
}

// names reports whether p names the caller itself, or everyone, and whether it
// names its account.
func (p *principals) names(caller *Principal) (itself, account bool) {
	account = slices.Contains(p.accounts, caller.Account)
	itself = p.everyone || slices.Contains(p.services, caller.Service) || slices.Contains(p.federated, caller.Federated)
	for _, arn := range caller.ARNs {
		itself = itself || slices.Contains(p.arns, arn)
	}
	return itself, account
}

// exempts reports whether p, as the NotPrincipal of a Deny, leaves the caller
// out. It must name an AWS caller and the caller's account too, as AWS says
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html).
func (p *principals) exempts(caller *Principal) bool {
	itself, account := p.names(caller)
	return p.everyone || itself && (account || caller.Account == "")
}
