package sigv4

import (
	"testing"
	"time"
)

func TestParseDate(t *testing.T) {
	want := time.Date(2025, 11, 23, 12, 0, 0, 0, time.UTC)
	for text, good := range map[string]bool{
		"20251123T120000Z":                    true,
		"Sun, 23 Nov 2025 12:00:00 GMT":       true,
		"Sun, 23 Nov 2025 12:00:00 -0000":     true,
		"Sun, 23 Nov 2025 13:00:00 +0100":     true,
		"":                                    false,
		"20251123T120000":                     false,
		"20251123T120000.5Z":                  false,
		"20251123T126000Z":                    false,
		"2025-11-23T12:00:00Z":                false,
		"Sun, 23 Nov 2025 12:00:00 PST":       false,
		"Sun, 23 Nov 2025 12:00:00.5 GMT":     false,
		"Sun, 23 Nov 2025 12:00:00.500 +0000": false,
	} {
		got, err := parseDate(text)
		if (err == nil) != good || good && got != want {
			t.Errorf("%q: got %v, %v", text, got, err)
		}
	}
}

func TestACredentialMayEndInASlash(t *testing.T) {
	r := signedPost(t)
	s, err := Parse(r)
	if err != nil {
		t.Fatal(err)
	}
	f := fields{algorithm: algorithm, credential: scopeText + "/", date: goodDate}
	if err := s.fill(f); err != nil || s.AccessKeyID != "AKID" || s.signed.terminator != terminator {
		t.Errorf("got %v, %v", s, err)
	}
}
