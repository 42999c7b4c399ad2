package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"strings"

	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"
)

// settings are the keys of a configuration file that stand for flags: every flag
// is a key, with underscores for dashes.
type settings map[string]yaml.Node

// readFile decodes a configuration file into a struct, and refuses keys that it
// does not have. A file that is not there is empty if it is optional: when nobody
// asked for it by name.
func readFile(path string, optional bool, into any) error {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) && optional {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read configuration: %w", err)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(into); err != nil {
		if errors.Is(err, io.EOF) { // nothing but comments
			return nil
		}
		return located(path, err)
	}
	if err := wholeNumbers(path, text, into); err != nil {
		return err
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%s: there is a second document after ---: put everything into the first", path)
	}
	return nil
}

// apply sets the flags that the command line did not. others, if not nil, are the
// flags of another command that reads the same file: their keys are left to it.
func (s settings) apply(path string, flags, others *pflag.FlagSet) error {
	for key, value := range s {
		name := strings.ReplaceAll(key, "_", "-")
		flag := flags.Lookup(name)
		switch {
		case flag == nil && others != nil && others.Lookup(name) != nil:
			continue
		case flag == nil || flag.Name == "config" || strings.Contains(key, "-"):
			return fmt.Errorf("%s:%d: unknown key %q", path, value.Line, key)
		case value.Kind != yaml.ScalarNode:
			return fmt.Errorf("%s:%d: %s: want one value", path, value.Line, key)
		case flag.Changed:
			continue
		}
		if err := flag.Value.Set(value.Value); err != nil {
			return fmt.Errorf("%s:%d: %s: %w", path, value.Line, key, err)
		}
	}
	return nil
}

var (
	onLine       = regexp.MustCompile(`^(?:yaml: )?line (\d+): `)
	unknownField = regexp.MustCompile(`field (\S+) not found in type \S+`)
	wrongKind    = regexp.MustCompile("cannot unmarshal (!!\\w+)(?: (`.*`))? into (\\S+)")
)

// kinds are YAML's (https://yaml.org/spec/1.2.2/#chapter-10-recommended-schemas), as people
// call them; other tags are shown as they are.
var kinds = map[string]string{
	"!!seq": "a list", "!!map": "names with values", "!!str": "a text", "!!int": "a number", "!!float": "a number", "!!bool": "true or false",
}

// mistaken says in words that a value is of another kind than the Go type that it is for.
func mistaken(complaint string) string {
	m := wrongKind.FindStringSubmatch(complaint)
	want := "names with values"
	switch {
	case strings.HasPrefix(m[3], "[]"):
		want = "a list"
	case m[3] == "string":
		want = "a text"
	case m[3] == "bool":
		want = "true or false"
	case strings.HasPrefix(m[3], "int"), strings.HasPrefix(m[3], "uint"):
		want = "a whole number"
	}
	if m[2] != "" {
		return "want " + want + ", and not " + m[2]
	}
	return "want " + want + ", and not " + cmp.Or(kinds[m[1]], m[1])
}

// located puts the decoder's first complaint behind file and line, in words that
// do not speak of Go.
func located(path string, err error) error {
	complaint := err.Error()
	var many *yaml.TypeError
	if errors.As(err, &many) {
		complaint = many.Errors[0]
	}
	complaint = unknownField.ReplaceAllString(complaint, `unknown key "$1"`)
	complaint = wrongKind.ReplaceAllStringFunc(complaint, mistaken)
	if onLine.MatchString(complaint) {
		return errors.New(onLine.ReplaceAllString(complaint, path+":$1: "))
	}
	return fmt.Errorf("%s: %s", path, complaint)
}
