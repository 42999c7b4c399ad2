package sts

import (
	"slices"
	"strconv"

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
func (p *reader) tags(transitive bool) []session.Tag {
	var tags []session.Tag
	for i := 1; ; i++ {
		member := "Tags.member." + strconv.Itoa(i)
		if !p.form.Has(member+".Key") && !p.form.Has(member+".Value") {
			break
		}
		k, v := tagKeyPattern, tagValuePattern
		k.name, v.name = "tags."+strconv.Itoa(i)+".member.key", "tags."+strconv.Itoa(i)+".member.value"
		key, value := p.required(member+".Key", k), p.required(member+".Value", v)
		tags = append(tags, session.Tag{Key: key, Value: value})
		if reserved(key) {
			p.mean(badRequest("InvalidParameterValue", "Tag keys beginning with 'aws:' are reserved."))
		}
	}
	p.atMost("tags", len(tags), maxSessionTags)
	for i, t := range tags {
		if slices.ContainsFunc(tags[:i], func(o session.Tag) bool { return equalKeys(o.Key, t.Key) }) {
			p.mean(badRequest("InvalidParameterValue", "Duplicate tag keys found. Please note that Tag keys are case insensitive."))
		}
	}
	if transitive {
		p.transitive(tags)
	}
	return tags
}

// transitive reads TransitiveTagKeys and marks the tags that they name.
func (p *reader) transitive(tags []session.Tag) {
	n := 0
	for ; ; n++ {
		key, ok := p.value("TransitiveTagKeys.member." + strconv.Itoa(n+1))
		if !ok {
			break
		}
		c := tagKeyPattern
		c.name = "transitiveTagKeys." + strconv.Itoa(n+1) + ".member"
		p.checked(key, c)
		i := slices.IndexFunc(tags, func(t session.Tag) bool { return equalKeys(t.Key, key) })
		if i < 0 {
			p.mean(badRequest("InvalidParameterValue", "The specified transitive tag key must be included in the requested tags."))
			continue
		}
		tags[i].Transitive = true
	}
	p.atMost("transitiveTagKeys", n, maxSessionTags)
}

// inherit adds the transitive tags of the caller's session, which nobody can change
// on the way.
func (c *call) inherit(passed []session.Tag) (sessionTags, error) {
	t := sessionTags{passed: passed}
	if c.caller.claims == nil {
		return t, nil
	}
	for _, own := range c.caller.claims.Tags {
		if !own.Transitive {
			continue
		}
		t.inherited = append(t.inherited, own)
		if slices.ContainsFunc(passed, func(p session.Tag) bool { return equalKeys(p.Key, own.Key) }) {
			return t, badRequest("InvalidParameterValue", "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session.")
		}
	}
	return t, nil
}
