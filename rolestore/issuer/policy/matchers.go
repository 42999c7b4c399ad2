package policy

import (
	"cmp"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

func equals(want string) matcher {
	return func(value string) verdict { return verdictOf(value == want) }
}

func equalsFold(want string) matcher {
	return func(value string) verdict { return verdictOf(strings.EqualFold(value, want)) }
}

func like(want string) matcher {
	p := compilePattern(want)
	return func(value string) verdict { return verdictOf(p.match(value)) }
}

// likeARN matches the six fields one by one, so that no wildcard reaches over a
// colon but in the last.
func likeARN(want string) matcher {
	const fields = 6
	parts := strings.SplitN(want, ":", fields)
	if len(parts) != fields || parts[0] != "arn" {
		return nil
	}
	var patterns [fields]pattern
	for i, part := range parts {
		patterns[i] = compilePattern(part)
	}
	return func(value string) verdict {
		if strings.Count(value, ":") < fields-1 {
			return unreadable
		}
		for i := range patterns {
			field, rest := value, ""
			if i < fields-1 {
				field, rest, _ = strings.Cut(value, ":")
			}
			if !patterns[i].match(field) {
				return no
			}
			value = rest
		}
		return yes
	}
}

func equalsBool(want string) matcher {
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

func parseBool(s string) (value, ok bool) {
	value = strings.EqualFold(s, "true")
	return value, value || strings.EqualFold(s, "false")
}

func numeric(holds func(order int) bool) operator {
	return operator{want: "a number", compile: func(want string) matcher {
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
	}}
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
	return operator{want: "a date as in 2006-01-02T15:04:05Z, or seconds since 1970", compile: func(want string) matcher {
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
	}}
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
func inPrefix(want string) matcher {
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
