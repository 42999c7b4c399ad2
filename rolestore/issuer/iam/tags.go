package iam

import (
	"maps"
	"slices"

	"github.com/rolecall/rolecall/rolestore/issuer/policy"
	"github.com/rolecall/rolecall/rolestore/issuer/query"
)

// maxTags is how many tags one thing has
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html).
const maxTags = 50

// tagged are the tags after others were set. A key takes the place of one that is the
// same but for its case
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html#id_tags_rules_creating).
func tagged(have, set map[string]string) (map[string]string, error) {
	next := untagged(have, slices.Collect(maps.Keys(set)))
	maps.Copy(next, set)
	if len(next) > maxTags {
		return nil, limitExceeded("The number of tags has reached the maximum limit.")
	}
	return next, nil
}

// untagged are the tags after some were taken away.
func untagged(have map[string]string, keys []string) map[string]string {
	gone := map[string]bool{}
	for _, k := range keys {
		gone[policy.Fold(k)] = true
	}
	next := map[string]string{}
	for k, v := range have {
		if !gone[policy.Fold(k)] {
			next[k] = v
		}
	}
	return next
}

// tagPage lists tags.
func tagPage(c *call, have map[string]string) ([]query.Element, error) {
	return page(c, "Tags", slices.Sorted(maps.Keys(have)), func(k string) string { return k },
		func(k string) query.Element { return showTag(k, have[k]) })
}
