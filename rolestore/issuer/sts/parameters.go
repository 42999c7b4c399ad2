package sts

import (
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// The bounds and patterns are those of the API's model. A pattern that Java reads
// as \w is ASCII here as there.
var (
	sessionNamePattern = constraint{name: "roleSessionName", min: 2, max: 64, pattern: regexp.MustCompile(`^[A-Za-z0-9_+=,.@-]*$`), shown: `[\w+=,.@-]*`}
	roleARNPattern     = constraint{name: "roleArn", min: 20, max: 2048}
	externalIDPattern  = constraint{name: "externalId", min: 2, max: 1224, pattern: regexp.MustCompile(`^[A-Za-z0-9_+=,.@:/-]*$`), shown: `[\w+=,.@:\/-]*`}
	webTokenBounds     = constraint{name: "webIdentityToken", min: 4, max: 20000, hidden: true}

	arnPattern = regexp.MustCompile(`^arn:[^:]+:[^:]+:[^:]*:[^:]*:[^:]+$`)
)

const (
	minDuration     = 900 * time.Second
	maxDuration     = 43200 * time.Second
	defaultDuration = 3600 * time.Second
)

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
	violations []string
}

func (p *reader) violate(c constraint, value, member string) {
	if c.hidden {
		value = "***"
	}
	p.violations = append(p.violations, "Value '"+value+"' at '"+c.name+"' failed to satisfy constraint: Member must "+member)
}

// required reads a parameter that must be there.
func (p *reader) required(parameter string, c constraint) string {
	if !p.form.Has(parameter) {
		p.violations = append(p.violations, "Value null at '"+c.name+"' failed to satisfy constraint: Member must not be null")
		return ""
	}
	return p.checked(p.form.Get(parameter), c)
}

// optional reads a parameter that may be absent.
func (p *reader) optional(parameter string, c constraint) string {
	if !p.form.Has(parameter) {
		return ""
	}
	return p.checked(p.form.Get(parameter), c)
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

// duration reads DurationSeconds.
func (p *reader) duration() (time.Duration, error) {
	text := p.form.Get("DurationSeconds")
	if !p.form.Has("DurationSeconds") {
		return defaultDuration, nil
	}
	seconds, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		return 0, badRequest("MalformedInput", "DurationSeconds is not an integer.")
	}
	c := constraint{name: "durationSeconds"}
	d := time.Duration(seconds) * time.Second
	if d < minDuration {
		p.violate(c, text, "have value greater than or equal to 900")
	}
	if d > maxDuration {
		p.violate(c, text, "have value less than or equal to 43200")
	}
	return d, nil
}

// refuse reports parameters that the core does not understand yet. They narrow a
// session or mark it: to ignore one would give more than was asked for.
func (p *reader) refuse(prefixes ...string) error {
	for name := range p.form {
		for _, prefix := range prefixes {
			if name == prefix || strings.HasPrefix(name, prefix+".") {
				return validation("%s is not supported by this security token service.", prefix)
			}
		}
	}
	return nil
}

// err returns what was gathered, in AWS's words.
func (p *reader) err() error {
	switch n := len(p.violations); n {
	case 0:
		return nil
	case 1:
		return validation("1 validation error detected: %s", p.violations[0])
	default:
		return validation("%d validation errors detected: %s", n, strings.Join(p.violations, "; "))
	}
}
