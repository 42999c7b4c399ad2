package sts

import (
	"slices"
	"strconv"
	"strings"

	"github.com/rolecall/rolecall/rolestore/issuer/policy"
	"github.com/rolecall/rolecall/rolestore/issuer/query"
	"github.com/rolecall/rolecall/rolestore/issuer/session"
)

// maxSessionTags is the model's bound.
const maxSessionTags = 50

// sessionTags are the tags of a session that is asked for
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html).
type sessionTags struct {
	passed    []session.Tag
	inherited []session.Tag // from the caller's own session
}

// all are those that the new session has.
func (t sessionTags) all() []session.Tag { return slices.Concat(t.inherited, t.passed) }

// tags reads Tags and TransitiveTagKeys.
func (p reader) tags(transitive bool) []session.Tag {
	var tags []session.Tag
	for i := 1; ; i++ {
		member := "Tags.member." + strconv.Itoa(i)
		if !p.Has(member+".Key") && !p.Has(member+".Value") {
			break
		}
		k, v := tagKeyPattern, tagValuePattern
		k.Name, v.Name = "tags."+strconv.Itoa(i)+".member.key", "tags."+strconv.Itoa(i)+".member.value"
		key, value := p.Required(member+".Key", k), p.Required(member+".Value", v)
		tags = append(tags, session.Tag{Key: key, Value: value})
		if reserved(key) {
			p.Mean(query.BadRequest("InvalidParameterValue", "Tag keys beginning with 'aws:' are reserved."))
		}
	}
	p.AtMost("tags", len(tags), maxSessionTags)
	for i, t := range tags {
		if slices.ContainsFunc(tags[:i], func(o session.Tag) bool { return equalKeys(o.Key, t.Key) }) {
			p.Mean(query.BadRequest("InvalidParameterValue", "Duplicate tag keys found. Please note that Tag keys are case insensitive."))
		}
	}
	if transitive {
		p.transitive(tags)
	}
	return tags
}

// transitive reads TransitiveTagKeys and marks the tags that they name.
func (p reader) transitive(tags []session.Tag) {
	n := 0
	for ; ; n++ {
		key, ok := p.Value("TransitiveTagKeys.member." + strconv.Itoa(n+1))
		if !ok {
			break
		}
		c := tagKeyPattern
		c.Name = "transitiveTagKeys." + strconv.Itoa(n+1) + ".member"
		p.Check(key, c)
		i := slices.IndexFunc(tags, func(t session.Tag) bool { return equalKeys(t.Key, key) })
		if i < 0 {
			p.Mean(query.BadRequest("InvalidParameterValue", "The specified transitive tag key must be included in the requested tags."))
			continue
		}
		tags[i].Transitive = true
	}
	p.AtMost("transitiveTagKeys", n, maxSessionTags)
}

// inherit adds the transitive tags of the caller's session, which nobody can change
// on the way.
func (c *call) inherit(passed []session.Tag) (sessionTags, error) {
	t := sessionTags{passed: passed}
	if c.Caller.Claims == nil {
		return t, nil
	}
	for _, own := range c.Caller.Claims.Tags {
		if !own.Transitive {
			continue
		}
		t.inherited = append(t.inherited, own)
		if slices.ContainsFunc(passed, func(p session.Tag) bool { return equalKeys(p.Key, own.Key) }) {
			return t, query.BadRequest("InvalidParameterValue", "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session.")
		}
	}
	return t, nil
}

// setRequest sets the keys that tell of the tags that are asked for.
func (t sessionTags) setRequest(m *policy.Context) {
	var keys []string
	for _, tag := range t.passed {
		m.Set("aws:RequestTag/"+tag.Key, tag.Value)
		keys = append(keys, tag.Key)
	}
	m.SetAll("aws:TagKeys", keys)
	var transitive []string
	for _, tag := range slices.Concat(t.inherited, t.passed) {
		if tag.Transitive {
			transitive = append(transitive, tag.Key)
		}
	}
	m.SetAll("sts:TransitiveTagKeys", transitive)
}

// equalKeys reports whether two tag keys are one to AWS.
func equalKeys(a, b string) bool { return policy.Fold(a) == policy.Fold(b) }

// reserved is the prefix of tags and source identities that are AWS's alone.
func reserved(text string) bool { return strings.HasPrefix(strings.ToLower(text), "aws:") }
