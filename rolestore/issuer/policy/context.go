package policy

import (
	"iter"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Context holds the values of condition keys that a request comes with
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html).
// A key is the same in any case, also in a part that somebody chose, such as the
// tag key of aws:PrincipalTag/team. A key without values is not there. The zero
// Context is empty, and so is a nil one.
type Context struct {
	entries map[string]entry // by folded key
	room    []string         // where the values of keys that have one are put, many at once
	effort  int              // that its evaluation has made so far; see [maxEffort]
}

type entry struct {
	name   string // as it was set
	values []string
	many   bool // it is a list, whatever its length, so no variable stands for it
}

// usualKeys is somewhat more than a signed request has.
const usualKeys = 24

// Fold returns the form in which two spellings of a key are the same. Who refuses
// tags whose keys differ in case alone must ask this.
func Fold(key string) string { return strings.ToLower(key) }

// NewContext returns an empty context to fill.
func NewContext() *Context { return &Context{} }

// Set gives a key of one value its value.
func (c *Context) Set(key, value string) { c.put(key, entry{key, c.list(value), false}) }

// list is a list of one value. Nobody can append to it in place.
func (c *Context) list(value string) []string {
	if len(c.room) == cap(c.room) {
		c.room = make([]string, 0, usualKeys)
	}
	n := len(c.room)
	c.room = append(c.room, value)
	return c.room[n : n+1 : n+1]
}

// SetBool gives a key for Bool its value.
func (c *Context) SetBool(key string, value bool) { c.Set(key, strconv.FormatBool(value)) }

// SetInt gives a key for the numeric operators its value.
func (c *Context) SetInt(key string, value int64) { c.Set(key, strconv.FormatInt(value, 10)) }

// SetTime gives a key for the date operators its value, in seconds.
func (c *Context) SetTime(key string, value time.Time) {
	c.Set(key, value.UTC().Format(time.RFC3339))
}

// SetAddr gives a key for IpAddress its value, unless it is not valid.
func (c *Context) SetAddr(key string, value netip.Addr) {
	if value.IsValid() {
		c.Set(key, value.Unmap().WithZone("").String())
	}
}

// SetAll gives a key that is a list, such as aws:TagKeys, its values.
func (c *Context) SetAll(key string, values []string) {
	if len(values) > 0 {
		c.put(key, entry{key, slices.Clone(values), true})
	}
}

func (c *Context) put(key string, e entry) {
	if c.entries == nil {
		c.entries = make(map[string]entry, usualKeys)
	}
	c.entries[Fold(key)] = e
}

// Clone returns a context of its own with the same values.
func (c *Context) Clone() *Context {
	if c == nil {
		return NewContext()
	}
	return &Context{entries: maps.Clone(c.entries)}
}

// Has reports whether the key has values.
func (c *Context) Has(key string) bool { return len(c.values(Fold(key))) > 0 }

// All yields the keys as they were set, in alphabetic order, and their values.
func (c *Context) All() iter.Seq2[string, []string] {
	return func(yield func(string, []string) bool) {
		if c == nil {
			return
		}
		for _, key := range slices.Sorted(maps.Keys(c.entries)) {
			if e := c.entries[key]; !yield(e.name, e.values) {
				return
			}
		}
	}
}

// values returns those of a folded key.
func (c *Context) values(key string) []string {
	if c == nil {
		return nil
	}
	return c.entries[key].values
}

// single returns the value of a folded key that is no list.
func (c *Context) single(key string) (string, bool) {
	if c == nil {
		return "", false
	}
	e, ok := c.entries[key]
	if !ok || e.many {
		return "", false
	}
	return e.values[0], true
}
