package iam

import (
	"encoding/base64"
	"slices"
	"strconv"
	"strings"

	"github.com/rolecall/rolecall/rolestore/issuer/caller"
	"github.com/rolecall/rolecall/rolestore/issuer/policy"
	"github.com/rolecall/rolecall/rolestore/issuer/query"
)

// The types of ContextEntries. Each has a sister that is a list.
const listSuffix = "List"

var (
	keyName  = query.Constraint{Min: 5, Max: 256}
	keyTypes = []string{"string", "stringList", "numeric", "numericList", "boolean", "booleanList", "ip", "ipList", "binary", "binaryList", "date", "dateList"}
)

// contextEntry is the value of a condition key that a simulated request has.
type contextEntry struct {
	key    string
	values []string
	list   bool
}

// readContext reads ContextEntries.
func (a *args) readContext(p *query.Reader, t parameter) {
	seen := map[string]bool{}
	for i := 1; ; i++ {
		member, shown := t.name+".member."+strconv.Itoa(i), "contextEntries."+strconv.Itoa(i)+".member."
		name, hasName := p.Value(member + ".ContextKeyName")
		kind, hasKind := p.Value(member + ".ContextKeyType")
		p.Value(member + ".ContextKeyValues") // an empty list
		var values []string
		for j := 1; ; j++ {
			value, ok := p.Value(member + ".ContextKeyValues.member." + strconv.Itoa(j))
			if !ok {
				break
			}
			values = append(values, value)
		}
		if !hasName && !hasKind && values == nil {
			return
		}
		c := keyName
		c.Name = shown + "contextKeyName"
		p.Check(name, c)
		if !slices.Contains(keyTypes, kind) {
			p.Violate(shown+"contextKeyType", kind, "satisfy enum value set: ["+strings.Join(keyTypes, ", ")+"]")
			continue
		}
		if seen[policy.Fold(name)] {
			p.Mean(invalidInput("The context key " + name + " is given more than once."))
		}
		seen[policy.Fold(name)] = true
		e, err := newContextEntry(name, kind, values)
		if err != nil {
			p.Mean(err)
		}
		a.context = append(a.context, e)
	}
}

// newContextEntry refuses values that are not of the type.
func newContextEntry(name, kind string, values []string) (contextEntry, error) {
	base, list := strings.CutSuffix(kind, listSuffix)
	e := contextEntry{key: name, list: list}
	if !list && len(values) != 1 {
		return e, invalidInput("The context key " + name + " is of type " + kind + " and must have one value.")
	}
	for _, value := range values {
		if !policy.Readable(base, value) {
			return e, invalidInput("A value of the context key " + name + " is not of type " + base + ".")
		}
		if base == "binary" { // operators take the bytes themselves
			raw, _ := base64.StdEncoding.DecodeString(value) // it is readable
			value = string(raw)
		}
		e.values = append(e.values, value)
	}
	return e, nil
}

// describe sets what the caller says of the request, which goes before what is known.
func (s *simulation) describe() {
	m := policy.NewContext()
	m.SetTime("aws:CurrentTime", s.Now)
	m.SetInt("aws:EpochTime", s.Now.Unix())
	m.SetBool("aws:ViaAWSService", false)
	m.SetBool("aws:PrincipalIsAWSService", false)
	if who := s.principal; who.Account != "" {
		m.Set("aws:PrincipalAccount", who.Account)
		if who.ARN != "" {
			m.Set("aws:PrincipalArn", who.ARN)
		}
	}
	caller.SetTags(m, "aws:PrincipalTag/", s.tags)
	switch {
	case s.user != nil:
		m.Set("aws:PrincipalType", "User")
		m.Set("aws:username", s.user.Name)
		m.Set("aws:userid", s.user.UniqueID)
	case s.role != nil:
		m.Set("aws:PrincipalType", "AssumedRole")
	}
	for _, e := range s.args.context {
		if e.list {
			m.SetAll(e.key, e.values)
		} else {
			m.Set(e.key, e.values[0])
		}
	}
	s.context = m
}
