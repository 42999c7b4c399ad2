package surface

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Browser returns why a request looks as if a web page had made it, and "" for
// one that a program made. The Host of a program's request is an IP address,
// localhost or one of names, with or without a port.
//
// The headers are those of https://www.w3.org/TR/fetch-metadata/ and RFC 6454:
// every current browser sends one of them with what a page may not see else.
func Browser(r *http.Request, names ...string) string {
	switch {
	case len(r.Header["Origin"]) > 0:
		return "an Origin header is present"
	case len(r.Header["Sec-Fetch-Site"]) > 0:
		return "a Sec-Fetch-Site header is present"
	case !known(r.Host, names):
		return "the Host header is neither an address nor a known name"
	}
	return ""
}

func known(host string, names []string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	host = strings.ToLower(host)
	return host == "localhost" || slices.Contains(names, host)
}
