package iam

import (
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/rolecall/rolecall/rolestore/issuer/policy"
	"github.com/rolecall/rolecall/rolestore/issuer/query"
)

// kind is what a parameter holds.
type kind int

const (
	text        kind = iota
	number           // between min and max
	tagList          // Tags
	keyList          // TagKeys
	textList         // texts, each within the bounds
	contextList      // ContextEntries
	truth            // true or false
)

// parameter is one of the model's, with its bounds.
type parameter struct {
	name     string
	kind     kind
	required bool
	min, max int
	pattern  *regexp.Regexp
	shown    string   // the pattern as AWS prints it
	values   []string // the only ones, where there are but some
	hidden   bool     // it is a secret and is not repeated
}

// needed is the parameter where it must be there.
func (p parameter) needed() parameter {
	p.required = true
	return p
}

// optional is the parameter where it may be absent.
func (p parameter) optional() parameter {
	p.required = false
	return p
}

// as is the parameter under another name.
func (p parameter) as(name string) parameter {
	p.name = name
	return p
}

// The bounds and patterns are those of the API's model. A pattern that Java reads
// as \w is ASCII here as there.
var (
	nameChars = regexp.MustCompile(`^[A-Za-z0-9_+=,.@-]+$`)
	pathChars = regexp.MustCompile(`^(/|/[!-~]+/)$`)
	policyDir = regexp.MustCompile(`^((/[A-Za-z0-9.,+@=_-]+)*)/$`)

	roleName       = parameter{name: "RoleName", required: true, min: 1, max: 64, pattern: nameChars, shown: `[\w+=,.@-]+`}
	policyName     = parameter{name: "PolicyName", required: true, min: 1, max: 128, pattern: nameChars, shown: `[\w+=,.@-]+`}
	policyARN      = parameter{name: "PolicyArn", required: true, min: 20, max: 2048}
	boundaryARN    = policyARN.as("PermissionsBoundary")
	policyDocument = parameter{name: "PolicyDocument", required: true, min: 1, max: 131072,
		pattern: regexp.MustCompile(`^[\t\n\r -\x{ff}]+$`), shown: `[\u0009\u000A\u000D\u0020-\u00FF]+`}
	path           = parameter{name: "Path", min: 1, max: 512, pattern: pathChars, shown: `(\u002F)|(\u002F[\u0021-\u007E]+\u002F)`}
	policyPath     = parameter{name: "Path", min: 1, max: 512, pattern: policyDir, shown: `((/[A-Za-z0-9\.,\+@=_-]+)*)/`}
	pathPrefix     = parameter{name: "PathPrefix", min: 1, max: 512, pattern: regexp.MustCompile(`^/[!-\x{7f}]*$`), shown: `\u002F[\u0021-\u007F]*`}
	policyPrefix   = policyPath.as("PathPrefix")
	roleDescribed  = parameter{name: "Description", max: 1000, pattern: regexp.MustCompile(`^[\t\n\r -~\x{a1}-\x{ff}]*$`), shown: `[\u0009\u000A\u000D\u0020-\u007E\u00A1-\u00FF]*`}
	sessionSeconds = parameter{name: "MaxSessionDuration", kind: number, min: 3600, max: 43200}
	marker         = parameter{name: "Marker", min: 1, max: 320, pattern: regexp.MustCompile(`^[ -\x{ff}]+$`), shown: `[\u0020-\u00FF]+`}
	maxItems       = parameter{name: "MaxItems", kind: number, min: 1, max: 1000}
	tags           = parameter{name: "Tags", kind: tagList, max: maxTags}
	tagKeys        = parameter{name: "TagKeys", kind: keyList, required: true, max: maxTags}
	tagKey         = query.Constraint{Min: 1, Max: 128, Pattern: regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]+$`), Shown: `[\p{L}\p{Z}\p{N}_.:/=+\-@]+`}
	tagValue       = query.Constraint{Max: 256, Pattern: regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`), Shown: `[\p{L}\p{Z}\p{N}_.:/=+\-@]*`}
)

// args are the parameters of a request, within their bounds.
type args struct {
	form    url.Values
	numbers map[string]int
	tags    map[string]string
	keys    []string // TagKeys
	lists   map[string][]string
	context []contextEntry
}

// has reports whether a parameter was given.
func (a args) has(p parameter) bool { return a.form.Has(p.name) }

// text is the value of a parameter, empty if it was not given.
func (a args) text(p parameter) string { return a.form.Get(p.name) }

// is is the value of a parameter that is true or false; false if it was not given.
func (a args) is(p parameter) bool { return a.text(p) == "true" }

// list is the value of a parameter that holds texts.
func (a args) list(p parameter) []string { return a.lists[p.name] }

// number is the value of a parameter, or usual if it was not given.
func (a args) number(p parameter, usual int) int {
	if n, ok := a.numbers[p.name]; ok {
		return n
	}
	return usual
}

// tagKeysAsked are the keys of the tags that are set or taken away; nil for an operation
// without.
func (a args) tagKeysAsked() []string {
	keys := slices.Clone(a.keys)
	for k := range a.tags {
		keys = append(keys, k)
	}
	return keys
}

// read reads the parameters that an operation takes.
func read(form url.Values, takes []parameter) (args, error) {
	lists := []string{tags.name, tagKeys.name}
	for _, t := range takes {
		if t.kind == textList || t.kind == contextList {
			lists = append(lists, t.name)
		}
	}
	p := query.NewReader(form, lists)
	a := args{form: form, numbers: map[string]int{}, lists: map[string][]string{}}
	for _, t := range takes {
		a.read(p, t)
	}
	return a, p.Err()
}

func (a *args) read(p *query.Reader, t parameter) {
	member := strings.ToLower(t.name[:1]) + t.name[1:]
	switch t.kind {
	case number:
		if n := p.Number(t.name, member, t.min, t.max, 0); p.Has(t.name) {
			a.numbers[t.name] = n
		}
	case tagList:
		a.readTags(p, t)
	case keyList:
		a.readKeys(p, t)
	case textList:
		a.readList(p, t, member)
	case contextList:
		a.readContext(p, t)
	case truth:
		p.Bool(t.name, false)
	default:
		c := query.Constraint{Name: member, Min: t.min, Max: t.max, Pattern: t.pattern, Shown: t.shown, Hidden: t.hidden}
		value := ""
		if t.required {
			value = p.Required(t.name, c)
		} else {
			value = p.Optional(t.name, c)
		}
		if p.Has(t.name) {
			t.among(p, member, value)
		}
	}
}

// among notes a value that is none of those that there are.
func (p parameter) among(r *query.Reader, member, value string) {
	if p.values != nil && !slices.Contains(p.values, value) {
		r.Violate(member, value, "satisfy enum value set: ["+strings.Join(p.values, ", ")+"]")
	}
}

// readTags reads Tags. Keys are one in whatever case.
func (a *args) readTags(p *query.Reader, t parameter) {
	a.tags = map[string]string{}
	folded := map[string]bool{}
	n := 0
	for ; ; n++ {
		member := t.name + ".member." + strconv.Itoa(n+1)
		if !p.Has(member+".Key") && !p.Has(member+".Value") {
			break
		}
		k, v := tagKey, tagValue
		k.Name, v.Name = "tags."+strconv.Itoa(n+1)+".member.key", "tags."+strconv.Itoa(n+1)+".member.value"
		key, value := p.Required(member+".Key", k), p.Required(member+".Value", v)
		if folded[policy.Fold(key)] {
			p.Mean(invalidInput("Duplicate tag keys found. Please note that Tag keys are case insensitive."))
		}
		if reserved(key) {
			p.Mean(invalidInput("Tag keys beginning with 'aws:' are reserved."))
		}
		folded[policy.Fold(key)], a.tags[key] = true, value
	}
	p.AtMost("tags", n, t.max)
	if t.required && n == 0 {
		p.Missing("tags")
	}
}

// readList reads a list of texts.
func (a *args) readList(p *query.Reader, t parameter, member string) {
	var list []string
	for i := 1; ; i++ {
		value, ok := p.Value(t.name + ".member." + strconv.Itoa(i))
		if !ok {
			break
		}
		name := member + "." + strconv.Itoa(i) + ".member"
		list = append(list, p.Check(value, query.Constraint{Name: name, Min: t.min, Max: t.max, Pattern: t.pattern, Shown: t.shown}))
		t.among(p, name, value)
	}
	if t.required && list == nil && !p.Has(t.name) {
		p.Missing(member)
	}
	a.lists[t.name] = list
}

// readKeys reads TagKeys.
func (a *args) readKeys(p *query.Reader, t parameter) {
	a.keys = []string{}
	for i := 1; ; i++ {
		key, ok := p.Value(t.name + ".member." + strconv.Itoa(i))
		if !ok {
			break
		}
		c := tagKey
		c.Name = "tagKeys." + strconv.Itoa(i) + ".member"
		a.keys = append(a.keys, p.Check(key, c))
	}
	p.AtMost("tagKeys", len(a.keys), t.max)
	if t.required && len(a.keys) == 0 {
		p.Missing("tagKeys")
	}
}

// reserved is the prefix of tags that are AWS's alone.
func reserved(key string) bool { return strings.HasPrefix(strings.ToLower(key), "aws:") }
