package policy

import (
	"regexp"
	"strings"
)

// arnFields is into how many fields colons divide an ARN; the last may hold more.
const arnFields = 6

var (
	partition       = regexp.MustCompile(`^(\*|aws(-[a-z]+)*)$`)
	resourceAccount = regexp.MustCompile(`^([0-9?*]*|aws)$`)
)

// resources compiles a Resource or NotResource. A wildcard may reach over the
// colons of an ARN
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html).
func (p parser) resources(where string, value any) ([]template, []string, error) {
	list, ok := stringList(value)
	if !ok {
		return nil, nil, explained(where, syntaxErrors, "Want a string or a list of strings.")
	}
	if len(list) == 0 {
		return nil, nil, explained(where, "Policy statement must contain resources.", "The list is empty.")
	}
	templates := make([]template, len(list))
	for i, text := range list {
		arn, err := completeARN(where, text)
		if err != nil {
			return nil, nil, err
		}
		if templates[i], err = p.template(where, arn, true); err != nil {
			return nil, nil, err
		}
	}
	return templates, list, nil
}

// completeARN returns the ARN that text stands for: fields that are missing at its
// end are wildcards. A variable may be in the last field alone.
func completeARN(where, text string) (string, error) {
	if text == "*" {
		return text, nil
	}
	fields := strings.SplitN(text, ":", arnFields)
	if len(fields) < 2 || fields[0] != "arn" {
		return "", errorAt(where, `Resource %s must be in ARN format or "*".`, text)
	}
	if len(fields) < 3 || strings.ContainsAny(fields[2], "*?$") {
		return "", explained(where, "Resource vendor must be fully qualified and cannot contain regexes.", "See %q.", text)
	}
	for len(fields) < arnFields {
		fields = append(fields, "*")
	}
	complete := strings.Join(fields, ":")
	switch {
	case fields[2] == "" || fields[5] == "":
		return "", explained(where, legacyParsing, "A service or a resource is missing in %q.", text)
	case !partition.MatchString(fields[1]):
		return "", errorAt(where, "Partition %q is not valid for resource %q.", fields[1], complete)
	case strings.Contains(fields[3], "$") || !resourceAccount.MatchString(fields[4]):
		return "", explained(where, legacyParsing, "Region and account take wildcards and no variables, and an account is twelve digits: %q.", text)
	}
	return complete, nil
}
