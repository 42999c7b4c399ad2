package sigv4

import "time"

// parseDate reads X-Amz-Date, or a Date header, which botocore signs in RFC
// 1123's form when its caller has set one.
func parseDate(s string) (time.Time, error) {
	// The length keeps out fractions of a second, which time.Parse lets pass.
	if t, err := time.Parse(basicFormat, s); err == nil && len(s) == len(basicFormat) {
		return t, nil
	}
	for _, format := range []string{"Mon, 02 Jan 2006 15:04:05 GMT", time.RFC1123Z} {
		if t, err := time.Parse(format, s); err == nil && len(s) <= len(format) {
			return t.UTC(), nil
		}
	}
	return time.Time{}, incomplete("Date must be in ISO-8601 'basic format'. Got '%s'. "+
		"See http://en.wikipedia.org/wiki/ISO_8601", s)
}

// checkClock refuses a request that was signed more than [MaxSkew] away from now.
func checkClock(signed, now time.Time) error {
	now = now.UTC().Truncate(time.Second)
	switch {
	case signed.Before(now.Add(-MaxSkew)):
		return expired(signed, now)
	case signed.After(now.Add(MaxSkew)):
		return notYetCurrent(signed, now)
	}
	return nil
}
