package iam

import (
	"encoding/base64"
	"slices"
	"sort"
	"strings"

	"github.com/rolecall/rolecall/rolestore/issuer/query"
)

// usualItems is how many a page has if the caller does not say.
const usualItems = 100

// page answers a part of a list, from the caller's marker on. all is in the order of its
// keys, by which a marker says where the next page begins: what is made or deleted
// meanwhile moves nothing else.
func page[T any](c *call, name string, all []T, key func(T) string, show func(T) query.Element) ([]query.Element, error) {
	from := 0
	if c.has(marker) {
		after, ok := readMarker(c.Action, c.text(marker))
		if !ok {
			return nil, query.Validation("Invalid Marker.")
		}
		from = sort.Search(len(all), func(i int) bool { return key(all[i]) > after })
	}
	end := min(len(all), from+c.number(maxItems, usualItems))
	list := query.Element{Name: name, Children: []query.Element{}, List: true}
	for _, one := range all[from:end] {
		shown := show(one)
		shown.Name = "member"
		list.Children = append(list.Children, shown)
	}
	result := []query.Element{truthOf("IsTruncated", end < len(all)), list}
	if end < len(all) {
		result = append(result, query.Element{Name: "Marker", Text: newMarker(c.Action, key(all[end-1]))})
	}
	return result, nil
}

func newMarker(action, last string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(action + "\x00" + last))
}

// readMarker returns the key after which a page begins; a marker of another list is none.
func readMarker(action, text string) (after string, ok bool) {
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return "", false
	}
	return strings.CutPrefix(string(b), action+"\x00")
}

// byKey is a list in the order of its keys, as a page wants it.
func byKey[T any](all []T, key func(T) string) []T {
	return slices.SortedFunc(slices.Values(all), func(a, b T) int { return strings.Compare(key(a), key(b)) })
}
