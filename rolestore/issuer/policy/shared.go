package policy

import (
	"fmt"
	"slices"
	"strings"
)

// shared are the providers whose people are everybody, with the keys of which one must say
// whom a trust policy means. For them alone no account says whose audience a token may be
// for (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_oidc_secure-by-default.html).
var shared = map[string][]string{
	"accounts.google.com": {"aud", "sub"},
	"www.amazon.com":      {"app_id", "user_id"},
	"graph.facebook.com":  {"app_id", "id"},
}

const withWebIdentity = "sts:assumerolewithwebidentity"

// ParseTrust compiles a trust policy that is about to be saved. It refuses more than
// [Parse]: an Allow for all the world. What was saved before is taken as it is.
func ParseTrust(text []byte) (*Document, error) {
	d, err := Parse(Trust, text)
	if err != nil {
		return nil, err
	}
	for i := range d.statements {
		if err := d.statements[i].narrowed(fmt.Sprintf("Statement[%d]", i)); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// narrowed refuses a statement that lets in everybody of a shared provider.
func (s *statement) narrowed(where string) error {
	if s.deny || s.text.NotPrincipal || matchAny(s.actions, withWebIdentity) == s.text.NotAction {
		return nil
	}
	for _, provider := range s.principals.federated {
		keys, ok := shared[provider]
		if ok && !slices.ContainsFunc(s.conditions, func(c condition) bool { return c.narrows(provider, keys) }) {
			return errorAt(where, "Trust policy must evaluate the condition key %[1]s:%[2]s or %[1]s:%[3]s for the identity provider %[1]s, "+
				"as by StringEquals: without one everybody who has an account there could assume the role", provider, keys[0], keys[1])
		}
	}
	return nil
}

// narrows reports whether the condition asks for certain values of one of the provider's
// keys. One that holds where there is no value does not, nor one that says who is not meant,
// nor one with a value that is anything.
func (c *condition) narrows(provider string, keys []string) bool {
	host, name, _ := strings.Cut(c.key, ":")
	if host != provider || !slices.Contains(keys, name) || c.op.null || c.op.negated || c.op.ifExists || c.op.set == forAllValues {
		return false
	}
	for i, value := range c.text.Values {
		if strings.Trim(value, "*?") == "" || len(c.matchers[i].variables) > 0 {
			return false
		}
	}
	return true
}
