package policy

import (
	"regexp"
	"strings"
)

// Identities knows which unique id belongs to which ARN.
type Identities interface {
	// UniqueID returns the id of the user or role of that ARN; of
	// arn:aws:sts::<account>:assumed-role/<name>, without a session, that of the role
	// of that name whatever its path; and of an account's root, the account. It is
	// false of what does not exist.
	UniqueID(arn string) (id string, ok bool)
	// ARN returns the ARN of the user or role with that id. It is false when that is
	// gone.
	ARN(id string) (arn string, ok bool)
}

// uniqueID is one, and perhaps the name of a role's session.
var uniqueID = regexp.MustCompile(`^(A[A-Z]{3}[A-Z0-9]{12,124})(?::([\w+=,.@-]+))?$`)

var roleSession = regexp.MustCompile(`^(arn:[^:]+:sts::[0-9]{12}:assumed-role/[^/]+)/([^/]+)$`)

// Freeze returns the trust policy as it is to be kept: users and roles that it names
// as principals by their unique ids, accounts by the ARN of their root. So who is
// deleted and made anew is somebody else
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html).
// A principal that does not exist is an error, as is a document that [ParseTrust] refuses.
func Freeze(trust []byte, who Identities) ([]byte, error) {
	if _, err := ParseTrust(trust); err != nil {
		return nil, err
	}
	return rewritePrincipals(trust, func(text string) (string, bool) { return freeze(text, who) })
}

// Thaw returns a frozen trust policy as people read it: unique ids are ARNs again,
// unless what they named is gone, of which the bare id is left.
func Thaw(frozen []byte, who Identities) ([]byte, error) {
	return rewritePrincipals(frozen, func(text string) (string, bool) { return thaw(text, who), true })
}

func freeze(text string, who Identities) (string, bool) {
	if text == "*" || strings.Contains(text, ":federated-user/") {
		return text, true
	}
	if account, ok := accountOf(text); ok {
		if !strings.HasPrefix(text, "arn:") {
			text = "arn:aws:iam::" + account + ":root"
		}
		_, ok := who.UniqueID(text)
		return text, ok
	}
	if m := uniqueID.FindStringSubmatch(text); m != nil {
		_, ok := who.ARN(m[1])
		return text, ok
	}
	if m := roleSession.FindStringSubmatch(text); m != nil {
		id, ok := who.UniqueID(m[1])
		return id + ":" + m[2], ok
	}
	return who.UniqueID(text)
}

func thaw(text string, who Identities) string {
	m := uniqueID.FindStringSubmatch(text)
	if m == nil {
		return text
	}
	arn, ok := who.ARN(m[1])
	if !ok {
		return text
	}
	if m[2] == "" {
		return arn
	}
	fields := strings.SplitN(arn, ":", arnFields)
	name := arn[strings.LastIndexByte(arn, '/')+1:]
	return strings.Join([]string{fields[0], fields[1], "sts", "", fields[4], "assumed-role/" + name + "/" + m[2]}, ":")
}

// rewritePrincipals puts another text in the place of each AWS principal of a
// document, and leaves all else as it is, but for white space.
func rewritePrincipals(text []byte, rewrite func(string) (string, bool)) ([]byte, error) {
	top, err := decodeDocument(text)
	if err != nil {
		return nil, err
	}
	for i := range top {
		if top[i].name != "Statement" {
			continue
		}
		for _, s := range listOf(top[i].value) {
			statement, _ := s.(object)
			for j := range statement {
				types, ok := statement[j].value.(object)
				if !ok || statement[j].name != "Principal" && statement[j].name != "NotPrincipal" {
					continue
				}
				if err := rewriteTypes(types, rewrite); err != nil {
					return nil, err
				}
			}
		}
	}
	return top.MarshalJSON()
}

func rewriteTypes(types object, rewrite func(string) (string, bool)) error {
	for i := range types {
		if types[i].name != "AWS" {
			continue
		}
		list, ok := types[i].value.([]any)
		if !ok {
			list = []any{types[i].value}
		}
		for j := range list {
			before, _ := list[j].(string)
			after, ok := rewrite(before)
			if !ok {
				return invalidPrincipal("", types[i].name, before)
			}
			list[j] = after
		}
		if !ok {
			types[i].value = list[0]
		}
	}
	return nil
}
