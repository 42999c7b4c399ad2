package surface

import (
	"bufio"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
)

func TestBrowser(t *testing.T) {
	const name = "instance-data.ec2.internal"
	for _, test := range []struct {
		name    string
		request string
		refused bool
	}{
		{"an SDK's request", "Host: 169.254.169.254", false},
		{"with a port", "Host: 127.0.0.1:8473", false},
		{"IPv6", "Host: [fd00:ec2::254]", false},
		{"IPv6 with a port", "Host: [::1]:80", false},
		{"IPv6 with a zone", "Host: [fe80::1%25lo]:80", false},
		{"localhost", "Host: localhost:8473", false},
		{"a known name", "Host: " + name, false},
		{"a known name in capitals", "Host: " + strings.ToUpper(name) + ":80", false},

		{"a page's name that points here", "Host: attacker.example", true},
		{"a name that begins as an address", "Host: 169.254.169.254.attacker.example", true},
		{"a name that ends as a known one", "Host: x." + name, true},
		{"a known name that is longer", "Host: " + name + ".attacker.example", true},
		{"a known name with a final dot", "Host: " + name + ".", true},
		{"localhost of somebody's domain", "Host: localhost.attacker.example", true},
		{"an address in brackets that is none", "Host: [localhost]", true},
		{"an address of IPv4 in brackets", "Host: [127.0.0.1]", true},
		{"IPv6 without brackets", "Host: fd00:ec2::254", true},
		{"a port that is none", "Host: 127.0.0.1:x", true},
		{"a bracket that is not closed", "Host: [::1", true},
		{"something between an address and its port", "Host: [::1]x80", true},
		{"an address written as one number", "Host: 2852039166", true},
		{"an empty host", "Host:", true},

		{"the Origin of a page", "Host: 127.0.0.1\r\nOrigin: https://attacker.example", true},
		{"the Origin of a sandbox", "Host: 127.0.0.1\r\nOrigin: null", true},
		{"an empty Origin", "Host: 127.0.0.1\r\nOrigin:", true},
		{"what a browser says of itself", "Host: 127.0.0.1\r\nSec-Fetch-Site: none", true},
		{"in lower case", "Host: 127.0.0.1\r\nsec-fetch-site: cross-site", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			r, err := http.ReadRequest(bufio.NewReader(strings.NewReader("GET / HTTP/1.1\r\n" + test.request + "\r\n\r\n")))
			if err != nil {
				t.Fatal(err)
			}
			if why := Browser(r, name); (why != "") != test.refused {
				t.Errorf("Browser says %q", why)
			}
		})
	}
	old, err := http.ReadRequest(bufio.NewReader(strings.NewReader("GET / HTTP/1.0\r\n\r\n")))
	if err != nil {
		t.Fatal(err)
	}
	if why := Browser(old); why != "" {
		t.Errorf("HTTP/1.0 without a Host: %s", why)
	}
}

func FuzzBrowser(f *testing.F) {
	for _, host := range []string{"", "[", "[]:", ":", "[::1]:80", "localhost:", "127.0.0.1", "a.b:1:2", "[::1%lo]"} {
		f.Add(host)
	}
	f.Fuzz(func(t *testing.T, host string) {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Host = host
		if Browser(r) != "" {
			return
		}
		// Whatever is accepted must not be a name that can be registered, as a
		// browser would read it.
		u, err := url.Parse("http://" + host + "/")
		if err != nil {
			if !strings.HasPrefix(host, "[") { // a zone, which no browser takes
				t.Errorf("Host %q was accepted", host)
			}
			return
		}
		if _, err := netip.ParseAddr(u.Hostname()); err != nil && !strings.EqualFold(u.Hostname(), "localhost") {
			t.Errorf("Host %q was accepted: a browser asks %q", host, u.Hostname())
		}
	})
}

func TestOverTLSAnyNameWillDo(t *testing.T) {
	r := httptest.NewRequest(http.MethodGet, "https://core.example/", nil)
	if why := Browser(r); why != "" {
		t.Errorf("a program: %s", why)
	}
	r.Header.Set("Origin", "https://core.example")
	if Browser(r) == "" {
		t.Error("a web page is taken for a program")
	}
}
