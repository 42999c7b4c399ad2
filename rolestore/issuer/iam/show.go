package iam

import (
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/rolecall/rolecall/rolestore/issuer/query"
)

// said is an element with a text.
func said(name, value string) query.Element { return query.Element{Name: name, Text: value} }

// truthOf is an element with a truth value.
func truthOf(name string, is bool) query.Element {
	value := "false"
	if is {
		value = "true"
	}
	return query.Element{Name: name, Text: value, Bare: true}
}

// instant is an element with a time; the beginning of Unix's for what was made before
// times were noted, as clients want one.
func instant(name string, t time.Time) query.Element {
	if t.IsZero() {
		t = time.Unix(0, 0)
	}
	return query.Element{Name: name, Instant: t}
}

// document is a policy document as IAM answers it: percent-encoded (RFC 3986).
func document(name, document string) query.Element {
	return query.Element{Name: name, Text: strings.ReplaceAll(url.QueryEscape(document), "+", "%20")}
}

// structure is an element with others in it.
func structure(name string, children ...query.Element) query.Element {
	return query.Element{Name: name, Children: children}
}

// textsOf is a list of texts.
func textsOf(name string, texts []string) query.Element {
	list := query.Element{Name: name, Children: []query.Element{}, List: true}
	for _, text := range texts {
		list.Children = append(list.Children, said("member", text))
	}
	return list
}

// tagsOf is the list of tags, by their keys.
func tagsOf(tags map[string]string) query.Element {
	list := query.Element{Name: "Tags", Children: []query.Element{}, List: true}
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		tag := showTag(k, tags[k])
		tag.Name = "member"
		list.Children = append(list.Children, tag)
	}
	return list
}

func showTag(key, value string) query.Element {
	return structure("Tag", said("Key", key), said("Value", value))
}
