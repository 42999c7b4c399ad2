package policy

import (
	"regexp"
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
	accountPrincipal = regexp.MustCompile(`^(?:arn:aws[a-z-]*:iam::)?([0-9]{12})(:root)?$`)

	// No wildcards: IAM has none in principals. A unique id, such as AROA and 17
	// more letters and digits, is what IAM keeps of an ARN when a policy is saved;
	// for the session of a role, with the session's name.
	arnPrincipal = regexp.MustCompile(`^(?:arn:aws[a-z-]*:iam::[0-9]{12}:(?:user|role)/[\w+=,.@/-]+|` +
		`arn:aws[a-z-]*:sts::[0-9]{12}:(?:assumed-role/[\w+=,.@-]+/[\w+=,.@-]+|federated-user/[\w+=,.@-]+)|` +
		`A[A-Z]{3}[A-Z0-9]{12,124}(?::[\w+=,.@-]+)?)$`)

	servicePrincipal = regexp.MustCompile(`^[a-z0-9.-]+\.amazonaws\.com(?:\.cn)?$`)

	// Hosts are the providers that need no object of their own.
	federatedPrincipal = regexp.MustCompile(`^(?:arn:aws[a-z-]*:iam::[0-9]{12}:(?:saml|oidc)-provider/[^*?]+|` +
		`cognito-identity\.amazonaws\.com|accounts\.google\.com|www\.amazon\.com|graph\.facebook\.com)$`)
)

// parsePrincipals returns the element compiled, and what it names.
func parsePrincipals(where string, value any) (*principals, []string, error) {
	if value == "*" {
		return &principals{everyone: true}, []string{"*"}, nil
	}
	types, ok := value.(object)
	if !ok {
		return nil, nil, explained(where, "Invalid principal in policy.", `Want "*" or an object, such as {"AWS": "123456789012"}.`)
	}
	p, all := &principals{}, []string(nil)
	for _, m := range types {
		list, ok := stringList(m.value)
		if !ok {
			return nil, nil, explained(where+"."+m.name, syntaxErrors, "Want a string or a list of strings.")
		}
		for _, text := range list {
			if !p.add(m.name, text) {
				return nil, nil, invalidPrincipal(where, m.name, text)
			}
		}
		all = append(all, list...)
	}
	if len(all) == 0 {
		return nil, nil, errorAt(where, "Missing required field Principal cannot be empty!")
	}
	return p, all, nil
}

func invalidPrincipal(where, typ, text string) *Error {
	return errorAt(where, "Invalid principal in policy: %q:%q", strings.ToUpper(typ), text)
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
		if account, ok := accountOf(text); ok {
			p.accounts = append(p.accounts, account)
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

// accountOf returns the account that text names, by its digits or by the ARN of
// its root user.
func accountOf(text string) (string, bool) {
	m := accountPrincipal.FindStringSubmatch(text)
	if m == nil || (m[2] != "") != strings.HasPrefix(text, "arn:") {
		return "", false
	}
	return m[1], true
}
