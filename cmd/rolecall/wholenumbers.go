package main

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// wholeNumbers refuses a number with a fraction where the struct that the text was decoded
// into has a whole one: the decoder cuts the fraction off, and a limit of 2.5 would be one
// of 2 that nobody has asked for.
func wholeNumbers(name string, text []byte, into any) error {
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil || len(document.Content) == 0 {
		return err
	}
	if n := fraction(document.Content[0], reflect.TypeOf(into)); n != nil {
		return fmt.Errorf("%s:%d: want a whole number, and not `%s`", name, n.Line, n.Value)
	}
	return nil
}

// wholeKinds are those that the structs of files have for whole numbers.
var wholeKinds = []reflect.Kind{reflect.Int, reflect.Int64, reflect.Uint16, reflect.Uint64}

// fraction is the first number with a fraction that is for a whole one of the type.
func fraction(n *yaml.Node, t reflect.Type) *yaml.Node {
	n = behind(n)
	if n.Kind == 0 { // it is left out
		return nil
	}
	switch kind := t.Kind(); {
	case kind == reflect.Pointer:
		return fraction(n, t.Elem())
	case slices.Contains(wholeKinds, kind):
		if n.Tag == "!!float" {
			return n
		}
	case kind == reflect.Slice:
		for _, member := range members(n) {
			if found := fraction(member, t.Elem()); found != nil {
				return found
			}
		}
	case kind == reflect.Map:
		for i := 1; n.Kind == yaml.MappingNode && i < len(n.Content); i += 2 {
			if found := fraction(n.Content[i], t.Elem()); found != nil {
				return found
			}
		}
	case kind == reflect.Struct:
		return fractionIn(n, t)
	}
	return nil
}

func fractionIn(n *yaml.Node, t reflect.Type) *yaml.Node {
	for i := range t.NumField() {
		key, inline := strings.CutSuffix(t.Field(i).Tag.Get("yaml"), ",inline")
		at := n
		if !inline {
			key, _, _ = strings.Cut(key, ",")
			at = under(n, key)
		}
		if key == "" && !inline || t.Field(i).Type == reflect.TypeFor[yaml.Node]() {
			continue
		}
		if found := fraction(at, t.Field(i).Type); found != nil {
			return found
		}
	}
	return nil
}
