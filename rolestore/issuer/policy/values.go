package policy

import (
	"cmp"
	"encoding/base64"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// The matchers of the operators whose values have no variables.

func equalsBool(want string) func(value string) verdict {
	wanted, ok := parseBool(want)
	if !ok {
		return nil
	}
	return func(value string) verdict {
		b, ok := parseBool(value)
		if !ok {
			return unreadable
		}
		return verdictOf(b == wanted)
	}
}

// equalsBinary takes Base64; the request's value is the bytes themselves.
func equalsBinary(want string) func(value string) verdict {
	wanted, err := base64.StdEncoding.DecodeString(want)
	if err != nil {
		return nil
	}
	return func(value string) verdict { return verdictOf(value == string(wanted)) }
}

func parseBool(s string) (value, ok bool) {
	value = strings.EqualFold(s, "true")
	return value, value || strings.EqualFold(s, "false")
}

func numeric(holds func(order int) bool) operator {
	return plain("a number", func(want string) func(value string) verdict {
		wanted, ok := parseNumber(want)
		if !ok {
			return nil
		}
		return func(value string) verdict {
			n, ok := parseNumber(value)
			if !ok {
				return unreadable
			}
			return verdictOf(holds(cmp.Compare(n, wanted)))
		}
	})
}

// parseNumber reads an integer or a decimal, and none of the other forms that Go
// has for a float.
func parseNumber(s string) (float64, bool) {
	if strings.Trim(s, "+-.0123456789eE") != "" {
		return 0, false
	}
	n, err := strconv.ParseFloat(s, 64)
	return n, err == nil
}

func date(holds func(order int) bool) operator {
	return plain("a date as in 2006-01-02T15:04:05Z, or seconds since 1970", func(want string) func(value string) verdict {
		wanted, ok := parseDate(want)
		if !ok {
			return nil
		}
		return func(value string) verdict {
			t, ok := parseDate(value)
			if !ok {
				return unreadable
			}
			return verdictOf(holds(t.Compare(wanted)))
		}
	})
}

// parseDate reads W3C's profile of ISO 8601 (https://www.w3.org/TR/NOTE-datetime)
// or seconds since 1970. Four digits are a year.
func parseDate(s string) (time.Time, bool) {
	if strings.Trim(s, "0123456789") == "" && len(s) != len("2006") {
		seconds, err := strconv.ParseInt(s, 10, 64)
		return time.Unix(seconds, 0), err == nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04Z07:00", time.DateOnly, "2006-01", "2006"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// inPrefix takes a range or a single address. One of IPv4 that is written as IPv6
// is refused: requests' addresses are not, so it would match nothing.
func inPrefix(want string) func(value string) verdict {
	prefix, err := netip.ParsePrefix(want)
	if err != nil {
		address, err := netip.ParseAddr(want)
		if err != nil || address.Zone() != "" {
			return nil
		}
		prefix = netip.PrefixFrom(address, address.BitLen())
	}
	if prefix.Addr().Is4In6() {
		return nil
	}
	return func(value string) verdict {
		address, err := netip.ParseAddr(value)
		if err != nil {
			return unreadable
		}
		return verdictOf(prefix.Contains(address.Unmap().WithZone("")))
	}
}
