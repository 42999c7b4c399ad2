package directory

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/rolecall/rolecall/rolestore/issuer/policy"
)

const (
	// The lengths of session tags
	// (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html).
	maxTagKey   = 128
	maxTagValue = 256

	// maxTagText bounds a grant's tags together, in bytes: they travel in each session
	// token, which has to stay below 2,500 characters.
	maxTagText = 1024
)

var tagText = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`)

// CheckTags reports what no session may be tagged with.
func CheckTags(tags map[string]string) error {
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		if v := tags[k]; len(v) > maxTagValue || !tagText.MatchString(v) {
			return fmt.Errorf("tag %.64q: want a value of at most %d letters, digits, spaces or _.:/=+-@", k, maxTagValue)
		}
	}
	return checkTagKeys(slices.Sorted(maps.Keys(tags)))
}

func checkTagKeys(keys []string) error {
	if len(keys) > maxTags {
		return fmt.Errorf("want at most %d tags", maxTags)
	}
	seen := map[string]bool{}
	for _, k := range keys {
		switch folded := policy.Fold(k); {
		case k == "" || len(k) > maxTagKey || !tagText.MatchString(k):
			return fmt.Errorf("tag key %.64q: want 1 to %d letters, digits, spaces or _.:/=+-@", k, maxTagKey)
		case strings.HasPrefix(folded, "aws:"):
			return fmt.Errorf("tag key %s: aws: is AWS's own", k)
		case seen[folded]:
			return fmt.Errorf("tag key %s is there twice, if in another case: to policies they are the same", k)
		default:
			seen[folded] = true
		}
	}
	return nil
}

// checkTags reports tags that no grant may have. Those that are the grant's word and
// those that are its host's are never the same.
func (g *Grant) checkTags() error {
	if err := CheckTags(g.Tags); err != nil {
		return err
	}
	if err := checkTagKeys(g.TagKeys); err != nil {
		return fmt.Errorf("tag_keys: %w", err)
	}
	if err := checkTagKeys(slices.Concat(slices.Sorted(maps.Keys(g.Tags)), g.TagKeys)); err != nil {
		return fmt.Errorf("tags and tag_keys together: %w", err)
	}
	text := 0
	for k, v := range g.Tags {
		text += len(k) + len(v)
	}
	if text > maxTagText {
		return fmt.Errorf("the tags have %d bytes together, and session tokens have room for %d", text, maxTagText)
	}
	return nil
}

// UnlistedTags are the keys among those of tags that the grant does not let its host set,
// in their order. A key in another case than the grant's is another.
func (g *Grant) UnlistedTags(tags map[string]string) []string {
	var unlisted []string
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		if !slices.Contains(g.TagKeys, k) {
			unlisted = append(unlisted, k)
		}
	}
	return unlisted
}
