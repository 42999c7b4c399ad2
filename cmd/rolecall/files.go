package main

import (
	"bytes"
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
)

// located puts the decoder's first complaint behind file and line, in words that
// do not speak of Go.
func located(path string, err error) error {
	complaint := err.Error()
	var many *yaml.TypeError
	if errors.As(err, &many) {
		complaint = many.Errors[0]
	}
	complaint = unknownField.ReplaceAllString(complaint, `unknown key "$1"`)
	if onLine.MatchString(complaint) {
		return errors.New(onLine.ReplaceAllString(complaint, path+":$1: "))
	}
	return fmt.Errorf("%s: %s", path, complaint)
}
