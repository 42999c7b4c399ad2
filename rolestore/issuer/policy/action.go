package policy

import (
	"regexp"
	"strings"
)

var (
	vendor = regexp.MustCompile(`^([0-9A-Za-z-]+|\*)$`)

	// actionName is what follows the vendor; its wildcards are letters like others.
	actionName = regexp.MustCompile(`^[0-9A-Za-z*?_-]+$`)
)

// actions compiles an Action or NotAction. An action is service:Name in any case,
// or * alone
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_action.html).
func (p parser) actions(where string, value any) ([]pattern, []string, error) {
	list, ok := stringList(value)
	if !ok {
		return nil, nil, explained(where, syntaxErrors, "Want a string or a list of strings.")
	}
	patterns := make([]pattern, len(list))
	for i, text := range list {
		service, name, found := strings.Cut(text, ":")
		switch {
		case text == "*":
		case !found:
			return nil, nil, explained(where, noVendor, "This one is not: %q.", text)
		case strings.Contains(name, ":"):
			return nil, nil, explained(where, "Actions/Condition can contain only one colon.", "This one has more: %q.", text)
		case !vendor.MatchString(service):
			return nil, nil, errorAt(where, "Vendor %s is not valid", service)
		case !actionName.MatchString(name):
			return nil, nil, explained(where, syntaxErrors, "Not the name of an action: %q.", text)
		}
		if p.kind == Trust && !strings.EqualFold(service, "sts") {
			return nil, nil, explained(where, "AssumeRole policy may only specify STS AssumeRole actions.", "This one is none: %q.", text)
		}
		patterns[i] = compilePattern(wildcards(strings.ToLower(text)))
	}
	return patterns, list, nil
}
