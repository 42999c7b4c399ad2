package rolestore

import (
	"fmt"
	"strings"
	"testing"
)

func TestTagsThatAnInstanceCanBeTold(t *testing.T) {
	for name, tags := range map[string]map[string]string{
		"none":              nil,
		"of AWS itself":     {"aws:autoscaling:groupName": "web"},
		"of all characters": {"azAZ09+-=.,_:@": "any text, with spaces / and \u00e4"},
		"to the brim":       {strings.Repeat("a", 128): strings.Repeat("\u00e4", 256)},
		"without a value":   {"a": ""},
		"a word and a sign": {"a=1": "b", "=": "c", "1": "d"},
	} {
		i := web()
		i.Tags, i.Options.InstanceMetadataTags = tags, "enabled"
		if err := i.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Keys that cannot be told are refused where they would have to be.
func TestTagsThatItCannot(t *testing.T) {
	for name, test := range map[string]struct {
		key, value, want string
		untold           bool // it may be so where it is not told
	}{
		"a slash":             {"a/b", "", `tags: key "a/b" cannot be told`, true},
		"a space":             {"a b", "", `tags: key "a b" cannot be told`, true},
		"a letter of Unicode": {"\u00e4", "", "cannot be told", true},
		"a percent sign":      {"a%2fb", "", "cannot be told", true},
		"this directory":      {".", "", "cannot be told", true},
		"the one above":       {"..", "", "cannot be told", true},
		"EC2's own list":      {"_index", "", "cannot be told", true},
		"a number and a sign": {"10=x", "", "taken for a public key by cloud-init", true},
		"Python's numbers":    {"-1_0=x", "", "taken for a public key by cloud-init", true},
		"nothing":             {"", "", "tags: key \"\": want 1 to 128", false},
		"too long":            {strings.Repeat("a", 129), "", "want 1 to 128", false},
		"two lines":           {"a\nb", "", "want 1 to 128", false},
		"no text":             {"\xff", "", "want 1 to 128", false},
		"a value too long":    {"a", strings.Repeat("a", 257), `tags: the value of "a": want at most 256`, false},
		"a value of lines":    {"a", "b\n", `tags: the value of "a"`, false},
		"a value of no text":  {"a", "\xff", `tags: the value of "a"`, false},
	} {
		i := web()
		i.Tags, i.Options.InstanceMetadataTags = map[string]string{test.key: test.value}, "enabled"
		if err := i.Validate(); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %s", name, err, test.want)
		}
		i.Options.InstanceMetadataTags = "disabled"
		if err := i.Validate(); (err == nil) != test.untold {
			t.Errorf("%s where tags are not told: %v", name, err)
		}
	}
	i := web()
	i.Tags = map[string]string{}
	for n := range 51 {
		i.Tags[fmt.Sprint(n)] = ""
	}
	if err := i.Validate(); err == nil || !strings.HasPrefix(err.Error(), "tags: there are 51") {
		t.Errorf("51 tags: %v", err)
	}
}
