package rolestore

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// EC2's limits
// (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html#tag-restrictions).
// Tags that begin with aws: are taken: who defines an instance here is AWS to it.
const (
	maxTags     = 50
	maxTagKey   = 128 // characters
	maxTagValue = 256 // characters
)

var (
	// toldKey is a key that can be a name in the metadata tree.
	toldKey = regexp.MustCompile(`^[A-Za-z0-9+=.,_:@-]+$`)
	// numberedKey is what cloud-init takes for a public key when it is listed: it asks for
	// an openssh-key below it, and drops all metadata as there is none.
	numberedKey = regexp.MustCompile(`^[+-]?[0-9]+(_[0-9]+)*=`)
)

// checkTags checks an instance's tags. What they are when the instance is not told them
// is less narrow, as on EC2.
func checkTags(tags map[string]string, told string) error {
	if len(tags) > maxTags {
		return fmt.Errorf("tags: there are %d, and EC2 takes %d: leave some out", len(tags), maxTags)
	}
	for _, key := range slices.Sorted(maps.Keys(tags)) { // the same error each time
		switch value := tags[key]; {
		case key == "" || utf8.RuneCountInString(key) > maxTagKey || !isOneLine(key):
			return fmt.Errorf("tags: key %q: want 1 to %d characters on one line", key, maxTagKey)
		case utf8.RuneCountInString(value) > maxTagValue || !isOneLine(value):
			return fmt.Errorf("tags: the value of %q: want at most %d characters on one line", key, maxTagValue)
		case told != "enabled":
		case !toldKey.MatchString(key) || slices.Contains([]string{".", "..", "_index"}, key):
			return fmt.Errorf("tags: key %q cannot be told to the instance: want letters, digits and +-=.,_:@ alone, and not ., .. or _index; "+
				"rename it, or set metadata_options.instance_metadata_tags to disabled", key)
		case numberedKey.MatchString(key):
			return fmt.Errorf("tags: key %q would be taken for a public key by cloud-init, which then finds no metadata at all: "+
				"rename it, or set metadata_options.instance_metadata_tags to disabled", key)
		}
	}
	return nil
}

func isOneLine(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, unicode.IsControl)
}
