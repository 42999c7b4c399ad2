package surface

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Browser returns why a request looks as if a web page had made it, and "" for
// one that a program made. Over TLS any name will do: a page of another name does not
// get past our certificate.
func Browser(r *http.Request, names ...string) string {
	switch {
	case FromPage(r):
		return "a web page's headers are present"
	case r.TLS == nil && !KnownHost(r, names...):
		return "the Host header is neither an address nor a known name"
	}
	return ""
}

// FromPage reports whether a request carries what a page cannot keep its browser
// from sending: an Origin (RFC 6454 section 7), or the metadata of
// https://www.w3.org/TR/fetch-metadata/.
func FromPage(r *http.Request) bool {
	return r.Header["Origin"] != nil || r.Header["Sec-Fetch-Site"] != nil
}

// KnownHost reports whether the request names us as a caller does who means us:
// by an IP address, as localhost, or by one of names, which are in lower case;
// each with or without a port. A name of anybody's domain that resolves to our
// address is how a web page gets its visitor's browser to ask us (DNS rebinding).
// HTTP/1.0 may leave Host out; browsers do not.
func KnownHost(r *http.Request, names ...string) bool {
	host := r.Host
	if host == "" {
		return !r.ProtoAtLeast(1, 1)
	}
	if inner, ok := strings.CutPrefix(host, "["); ok {
		inner, port, closed := strings.Cut(inner, "]")
		a, err := netip.ParseAddr(inner)
		return closed && err == nil && a.Is6() && isPort(port)
	}
	name, _, hasPort := strings.Cut(host, ":")
	if hasPort && !isPort(host[len(name):]) {
		return false
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return true
	}
	name = strings.ToLower(name)
	return name == "localhost" || slices.Contains(names, name)
}

// isPort reports whether s is empty or a colon with digits, as RFC 3986,
// section 3.2.3 has it.
func isPort(s string) bool {
	return s == "" || s[0] == ':' && strings.Trim(s[1:], "0123456789") == ""
}
