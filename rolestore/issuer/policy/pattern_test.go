package policy

import (
	"regexp"
	"strings"
	"testing"
	"testing/quick"
)

func TestPatternMatchesAsARegularExpressionDoes(t *testing.T) {
	// A small alphabet makes matches and near misses frequent.
	letters := func(choices []uint8, alphabet string) string {
		var b strings.Builder
		runes := []rune(alphabet)
		for _, c := range choices {
			b.WriteRune(runes[int(c)%len(runes)])
		}
		return b.String()
	}
	agrees := func(p, s []uint8) bool {
		text, subject := letters(p[:min(len(p), 9)], "ab*?ö*"), letters(s[:min(len(s), 12)], "abaö")
		quoted := strings.NewReplacer("*", ".*", "?", ".").Replace(text)
		compiled := compilePattern(wildcards(text))
		return compiled.match(subject) == regexp.MustCompile("^(?s:"+quoted+")$").MatchString(subject)
	}
	if err := quick.Check(agrees, &quick.Config{MaxCount: 10_000}); err != nil {
		t.Error(err)
	}
}

func TestPatternMatches(t *testing.T) {
	for _, test := range []struct {
		pattern, text string
		want          bool
	}{
		{"", "", true},
		{"", "a", false},
		{"*", "", true},
		{"**", "a", true},
		{"?", "", false},
		{"?", "ö", true},
		{"?", "ab", false},
		{"a*", "a", true},
		{"a*a", "a", false},
		{"*a?", "aab", true},
		{"a?*?b", "a12b", true},
		{"a?*?b", "a1b", false},
		{"*ab*ba*", "aba", false},
		{"*ab*ba*", "abba", true},
		{"*??b*", "€b", false}, // three bytes are one character, from any of them on
		{"a\nb*", "a\nb\n", true},
	} {
		if p := compilePattern(wildcards(test.pattern)); p.match(test.text) != test.want {
			t.Errorf("%q matches %q: want %v", test.pattern, test.text, test.want)
		}
	}
}

// An evaluator that backtracks would not return within the test's time.
func TestPatternTakesNoExponentialTime(t *testing.T) {
	text := strings.Repeat("a", 4096)
	for _, part := range []string{"a*", "?*", "a?*"} {
		if p := compilePattern(wildcards(strings.Repeat(part, 1000) + "b")); p.match(text) {
			t.Errorf("%s...b matches", part)
		}
	}
}
