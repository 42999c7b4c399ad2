package source

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

func TestIssuersThatAreDialed(t *testing.T) {
	for issuer, endpoint := range map[string]string{
		"https://sts.example.com":       "https://sts.example.com",
		"https://10.0.0.1:8473/sts":     "https://10.0.0.1:8473/sts",
		"http://127.0.0.1:8473":         "http://127.0.0.1:8473",
		"http://127.9.9.9":              "http://127.9.9.9",
		"http://[::1]:8473":             "http://[::1]:8473",
		"http://localhost:8473":         "http://localhost:8473",
		"unix:/run/rolecall/sts.sock":   "http://localhost",
		"unix:///run/rolecall/sts.sock": "http://localhost",
	} {
		if client, got, err := Dial(issuer, Trust{}); err != nil || client == nil || got != endpoint {
			t.Errorf("Dial(%q) = %q, %v, want %q", issuer, got, err, endpoint)
		}
	}
}

func TestIssuersThatAreRefused(t *testing.T) {
	const clear, want, user = "use https", "want https://HOST", "leave out the user"
	for issuer, remedy := range map[string]string{
		"http://sts.example.com":               clear,
		"http://10.0.0.1:8473":                 clear,
		"http://169.254.169.254":               clear,
		"http://localhost.example.com":         clear,
		"http://127.0.0.1.example.com":         clear,
		"http://127.0.0.1@sts.example.com":     user,
		"https://someone@sts.example.com":      user,
		"http://[2001:db8::1]":                 clear,
		"http://":                              clear,
		"":                                     want,
		"sts.example.com":                      want,
		"127.0.0.1":                            want,
		"/run/rolecall/sts.sock":               want,
		"unix:run/sts.sock":                    want,
		"unix:./sts.sock":                      want,
		"unix://run/sts.sock":                  want,
		"unix:":                                want,
		"https://":                             want,
		"https://:8473":                        want,
		"https:/sts":                           want,
		"ftp://127.0.0.1":                      want,
		"file:///run/rolecall/sts.sock":        want,
		"tcp://127.0.0.1:8473":                 want,
		"http+unix:///run/rolecall/sts.sock":   want,
		"https://[::1":                         "missing ']'",
		"127.0.0.1:8473":                       "first path segment",
		"https://sts.example.com:not-a-number": "invalid port",
	} {
		client, endpoint, err := Dial(issuer, Trust{})
		if err == nil || client != nil || endpoint != "" || !strings.Contains(err.Error(), remedy) || !strings.Contains(err.Error(), issuer) {
			t.Errorf("Dial(%q) = %q, %v, want an error with %q", issuer, endpoint, err, remedy)
		}
	}
}

func TestAPasswordInAnIssuersAddressIsNotShown(t *testing.T) {
	if _, _, err := Dial("https://someone:hunter2@sts.example.com", Trust{}); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("Dial: %v", err)
	}
}

func TestASocketsPathIsTakenAsItStands(t *testing.T) {
	for _, name := range []string{"100%", "%41", "a b", "a?b", "a#b"} {
		for _, scheme := range []string{"unix:", "unix://"} {
			t.Run(scheme+name, func(t *testing.T) {
				address, _ := serve(t, "unix", filepath.Join(t.TempDir(), name), says(200, session()))
				w, _ := dialed(t, scheme+address.String())
				if _, err := w.Fetch(t.Context(), web()); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// TestProxiesAreNotUsed looks at the transport as well as at a request, for
// net/http reads the environment once in a process and never for loopback.
func TestProxiesAreNotUsed(t *testing.T) {
	proxy, seen := serve(t, "tcp", "127.0.0.1:0", says(200, session()))
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"} {
		t.Setenv(name, "http://"+proxy.String())
	}
	for _, issuer := range []string{"unix:/run/rolecall/sts.sock", "http://127.0.0.1:8473", "https://sts.example.com"} {
		client, _, err := Dial(issuer, Trust{})
		if err != nil {
			t.Fatal(err)
		}
		if transport := client.Transport.(*http.Transport); transport.Proxy != nil {
			t.Errorf("the client for %s asks for a proxy", issuer)
		}
	}
	w, _ := dialed(t, "https://sts.invalid") // RFC 6761: no such name, but the proxy would take it
	if _, err := w.Fetch(t.Context(), web()); err == nil || len(seen.all()) > 0 {
		t.Errorf("Fetch: %v; the proxy got %d requests", err, len(seen.all()))
	}
}
