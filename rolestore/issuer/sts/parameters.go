package sts

import (
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// The bounds and patterns are those of the API's model. A pattern that Java reads
// as \w is ASCII here as there.
var (
	sessionNamePattern = constraint{name: "roleSessionName", min: 2, max: 64, pattern: regexp.MustCompile(`^[A-Za-z0-9_+=,.@-]*$`), shown: `[\w+=,.@-]*`}
	roleARNBounds      = constraint{name: "roleArn", min: 20, max: 2048}
	externalIDPattern  = constraint{name: "externalId", min: 2, max: 1224, pattern: regexp.MustCompile(`^[A-Za-z0-9_+=,.@:/-]*$`), shown: `[\w+=,.@:\/-]*`}
	webTokenBounds     = constraint{name: "webIdentityToken", min: 4, max: 20000, hidden: true}

	sourceIdentityPattern = constraint{name: "sourceIdentity", min: 2, max: 64, pattern: sessionNamePattern.pattern, shown: sessionNamePattern.shown}
	federatedNamePattern  = constraint{name: "name", min: 2, max: 32, pattern: sessionNamePattern.pattern, shown: sessionNamePattern.shown}
	serialNumberPattern   = constraint{name: "serialNumber", min: 9, max: 256, pattern: regexp.MustCompile(`^[A-Za-z0-9_+=/:,.@-]*$`), shown: `[\w+=/:,.@-]*`}
	tokenCodePattern      = constraint{name: "tokenCode", min: 6, max: 6, pattern: regexp.MustCompile(`^[0-9]*$`), shown: `[\d]*`, hidden: true}
	accessKeyIDPattern    = constraint{name: "accessKeyId", min: 16, max: 128, pattern: regexp.MustCompile(`^[A-Za-z0-9_]*$`), shown: `[\w]*`}
	sessionPolicyBounds   = constraint{name: "policy", min: 1, max: 2048, pattern: regexp.MustCompile(`^[\t\n\r -\x{ff}]+$`), shown: `[\u0009\u000A\u000D\u0020-\u00FF]+`}
	encodedMessageBounds  = constraint{name: "encodedMessage", min: 1, max: 10240}
	tradeInTokenBounds    = constraint{name: "tradeInToken", min: 4, max: 20000, hidden: true}
	targetPrincipalBounds = constraint{name: "targetPrincipal", min: 12, max: 2048}
	tagKeyPattern         = constraint{min: 1, max: 128, pattern: regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]+$`), shown: `[\p{L}\p{Z}\p{N}_.:/=+\-@]+`}
	tagValuePattern       = constraint{max: 256, pattern: regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`), shown: `[\p{L}\p{Z}\p{N}_.:/=+\-@]*`}

	arnPattern = regexp.MustCompile(`^arn:[^:]+:[^:]+:[^:]*:[^:]*:[^:]+$`)
)

// lifetimes bound DurationSeconds.
type lifetimes struct{ least, most, usual time.Duration }

var (
	assumeRoleLife   = lifetimes{900 * time.Second, 43200 * time.Second, 3600 * time.Second}
	sessionTokenLife = lifetimes{900 * time.Second, 129600 * time.Second, 43200 * time.Second}
	assumeRootLife   = lifetimes{0, 900 * time.Second, 900 * time.Second}
	webTokenLife     = lifetimes{60 * time.Second, 3600 * time.Second, 300 * time.Second}
)

// arnBounds are those of an ARN in a list or a structure.
func arnBounds(name string) constraint { return constraint{name: name, min: 20, max: 2048} }

// lists are the parameters that hold lists. SDKs send an empty list as an empty
// parameter.
var lists = []string{"Audience", "PolicyArns", "ProvidedContexts", "Tags", "TransitiveTagKeys"}

// constraint is what the model asks of a string.
type constraint struct {
	name     string
	min, max int
	pattern  *regexp.Regexp // nil when anything goes
	shown    string         // the pattern as AWS prints it
	hidden   bool           // the value is a secret and is not repeated
}

// reader reads parameters and gathers what is wrong with them, since AWS reports
// all violations at once.
type reader struct {
	form       url.Values
	read       []string
	malformed  error    // a value that is not of its type
	violations []string // values that are out of bounds
	invalid    error    // a value that means nothing
}

func newReader(form url.Values) *reader {
	return &reader{form: form, read: []string{"Action", "Version"}}
}

// value returns a parameter and whether it is there.
func (p *reader) value(parameter string) (string, bool) {
	p.read = append(p.read, parameter)
	return p.form.Get(parameter), p.form.Has(parameter)
}

// maxQuoted bounds what a refusal repeats of a value, in bytes. It is more than any value
// within its bounds has but a session policy; a caller whom nobody knows must not get
// back a multiple of what he sends.
const maxQuoted = 4096

func (p *reader) violate(c constraint, value, member string) {
	switch {
	case c.hidden:
		value = "***"
	case len(value) > maxQuoted:
		value = strings.ToValidUTF8(value[:maxQuoted], "") + "..."
	}
	p.violations = append(p.violations, "Value '"+value+"' at '"+c.name+"' failed to satisfy constraint: Member must "+member)
}

// required reads a parameter that must be there.
func (p *reader) required(parameter string, c constraint) string {
	value, ok := p.value(parameter)
	if !ok {
		p.violations = append(p.violations, "Value null at '"+c.name+"' failed to satisfy constraint: Member must not be null")
		return ""
	}
	return p.checked(value, c)
}

// optional reads a parameter that may be absent.
func (p *reader) optional(parameter string, c constraint) string {
	value, ok := p.value(parameter)
	if !ok {
		return ""
	}
	return p.checked(value, c)
}

func (p *reader) checked(value string, c constraint) string {
	length := utf8.RuneCountInString(value)
	if c.pattern != nil && !c.pattern.MatchString(value) {
		p.violate(c, value, "satisfy regular expression pattern: "+c.shown)
	}
	if length < c.min {
		p.violate(c, value, "have length greater than or equal to "+strconv.Itoa(c.min))
	}
	if length > c.max {
		p.violate(c, value, "have length less than or equal to "+strconv.Itoa(c.max))
	}
	return value
}

// mean notes what is wrong with a value that is within its bounds: the first is told.
func (p *reader) mean(err error) {
	if p.invalid == nil {
		p.invalid = err
	}
}

// atMost notes a list that is too long.
func (p *reader) atMost(name string, length, most int) {
	if length > most {
		p.violate(constraint{name: name}, "["+strconv.Itoa(length)+" members]", "have length less than or equal to "+strconv.Itoa(most))
	}
}

// roleARN reads RoleArn.
func (p *reader) roleARN() string {
	arn := p.required("RoleArn", roleARNBounds)
	if !arnPattern.MatchString(arn) {
		p.mean(validation("%s is invalid", arn))
	}
	return arn
}

// duration reads DurationSeconds.
func (p *reader) duration(l lifetimes) time.Duration {
	text, ok := p.value("DurationSeconds")
	if !ok {
		return l.usual
	}
	seconds, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		p.malformed = badRequest("MalformedInput", "DurationSeconds is not an integer.")
		return 0
	}
	c := constraint{name: "durationSeconds"}
	d := time.Duration(seconds) * time.Second
	if d < l.least {
		p.violate(c, text, "have value greater than or equal to "+strconv.Itoa(int(l.least/time.Second)))
	}
	if d > l.most {
		p.violate(c, text, "have value less than or equal to "+strconv.Itoa(int(l.most/time.Second)))
	}
	return d
}

// err returns what is wrong, in AWS's words, once every parameter has been read.
func (p *reader) err() error {
	if p.malformed != nil {
		return p.malformed
	}
	switch n := len(p.violations); n {
	case 0:
		if p.invalid != nil {
			return p.invalid
		}
		return p.unknown()
	case 1:
		return validation("1 validation error detected: %s", p.violations[0])
	default:
		return validation("%d validation errors detected: %s", n, strings.Join(p.violations, "; "))
	}
}

// unknown refuses a parameter that the action has not read, but for those of a
// presigned URL. AWS ignores what is not in its model; but a parameter of a later
// model, or one that is not implemented here, may narrow the session or mark it,
// and to ignore it would give more than was asked for.
func (p *reader) unknown() error {
	var unknown []string
	for parameter := range p.form {
		name, _, _ := strings.Cut(parameter, ".")
		empty := parameter == name && p.form.Get(name) == "" && slices.Contains(lists, name)
		if !empty && !slices.Contains(p.read, parameter) && !strings.HasPrefix(name, "X-Amz-") {
			unknown = append(unknown, name)
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	return unsupported(slices.Min(unknown))
}

func unsupported(parameter string) *Error {
	return validation("%s is not supported by this security token service.", parameter)
}
