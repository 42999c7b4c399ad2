package imds

import (
	"net/http"
	"net/netip"
	"strings"
)

// knownHost reports whether the request names us as a caller does who means us:
// by an address, or by a name that only resolves here. A name of anybody's
// domain that resolves to our address is how a web page gets its visitor's
// browser to ask us (DNS rebinding). HTTP/1.0 may leave Host out; browsers do
// not.
func knownHost(r *http.Request) bool {
	host := r.Host
	if host == "169.254.169.254" { // nearly always
		return true
	}
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
	switch strings.ToLower(name) {
	case "localhost", "instance-data", "instance-data.ec2.internal":
		return true
	}
	_, err := netip.ParseAddr(name)
	return err == nil
}

// isPort reports whether s is empty or a colon with digits, as RFC 3986,
// section 3.2.3 has it.
func isPort(s string) bool {
	return s == "" || s[0] == ':' && strings.Trim(s[1:], "0123456789") == ""
}
