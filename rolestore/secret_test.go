package rolestore

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

const text = "wJalrXUtnFEMI/K7MDENG"

type holder struct {
	Exported   Secret
	unexported Secret
}

// held are the ways in which a secret gets into an argument of fmt or slog.
func held() map[string]any {
	s := NewSecret(text)
	h := holder{s, s}
	return map[string]any{
		"the secret":               s,
		"a pointer to it":          &s,
		"a field":                  h,
		"a field behind a pointer": &h,
		"a nested field":           struct{ inner *holder }{&h},
		"an embedded secret":       struct{ Secret }{s},
		"a slice":                  []Secret{s},
		"a slice in a hidden field": struct {
			all []Secret
			m   map[string]Secret
		}{[]Secret{s}, map[string]Secret{"a": s}},
		"an array":        [1]holder{h},
		"a map's value":   map[string]Secret{"a": s},
		"a map's key":     map[Secret]int{s: 1},
		"a map of fields": map[string]*holder{"a": &h},
		"an interface":    []any{s, &s, h},
		"credentials":     Credentials{AccessKeyID: "ASIA", SecretAccessKey: s, SessionToken: s},
	}
}

func TestFmtNeverShowsASecret(t *testing.T) {
	for name, value := range held() {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%+s", "%#s", "%q", "%x", "%X", "% x", "%d", "%t", "%p", "%T"} {
			if got := fmt.Sprintf(verb, value); leaks(got) {
				t.Errorf("%s of %s: %s", verb, name, got)
			}
		}
		if err := fmt.Errorf("sign: %v", value); leaks(err.Error()) {
			t.Errorf("an error with %s: %v", name, err)
		}
	}
}

func TestLogsNeverShowASecret(t *testing.T) {
	var out bytes.Buffer
	options := &slog.HandlerOptions{Level: slog.LevelDebug}
	for _, handler := range []slog.Handler{slog.NewTextHandler(&out, options), slog.NewJSONHandler(&out, options)} {
		log := slog.New(handler)
		for name, value := range held() {
			out.Reset()
			log.Info("message", "value", value, slog.Group("group", "value", value))
			log.With("value", value).Debug("message")
			if leaks(out.String()) {
				t.Errorf("%T of %s: %s", handler, name, out.String())
			}
		}
	}
}

func TestEncodersNeverShowASecret(t *testing.T) {
	for name, value := range held() {
		encoded, err := json.Marshal(value)
		if err != nil || leaks(string(encoded)) {
			t.Errorf("JSON of %s: %s, %v", name, encoded, err)
		}
		encoded, err = yaml.Marshal(value)
		if err != nil || leaks(string(encoded)) {
			t.Errorf("YAML of %s: %s, %v", name, encoded, err)
		}
	}
	encoded, err := xml.Marshal(holder{NewSecret(text), NewSecret(text)})
	if err != nil || leaks(string(encoded)) {
		t.Errorf("XML: %s, %v", encoded, err)
	}
}

func TestASecretSaysThatItIsRedacted(t *testing.T) {
	var out bytes.Buffer
	slog.New(slog.NewTextHandler(&out, nil)).Info("message", "key", NewSecret(text))
	encoded, err := json.Marshal(map[string]Secret{"key": NewSecret(text)})
	if err != nil {
		t.Fatal(err)
	}
	for _, got := range []string{
		fmt.Sprint(NewSecret(text)), fmt.Sprintf("%#v", NewSecret(text)), fmt.Sprint(Secret{}), out.String(), string(encoded),
	} {
		if !strings.Contains(got, "redacted") {
			t.Errorf("%s does not say redacted", got)
		}
	}
}

func TestReveal(t *testing.T) {
	for _, test := range []struct {
		name   string
		secret Secret
		text   string
		zero   bool
	}{
		{"a secret", NewSecret(text), text, false},
		{"an empty secret", NewSecret(""), "", true},
		{"the zero secret", Secret{}, "", true},
	} {
		if got := test.secret.Reveal(); got != test.text || test.secret.IsZero() != test.zero {
			t.Errorf("%s: Reveal = %q, IsZero = %t", test.name, got, test.secret.IsZero())
		}
	}
}

// leaks reports whether out holds the secret text, plain or in hexadecimal.
func leaks(out string) bool {
	out = strings.ToLower(strings.ReplaceAll(out, " ", ""))
	return strings.Contains(out, strings.ToLower(text)) || strings.Contains(out, fmt.Sprintf("%x", text))
}
