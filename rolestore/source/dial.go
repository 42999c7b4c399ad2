package source

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"
	"time"
)

const (
	// dialTimeout is short, for the issuer is on this machine or its network.
	dialTimeout = 3 * time.Second

	// idleTimeout closes a connection that the next refresh, minutes away, would
	// rather open anew than find half closed.
	idleTimeout = 90 * time.Second
)

// Dial returns a client for an issuer and the endpoint to use with it. issuer is
// an https URL, an http URL of this machine, or unix:/path for an issuer that
// listens on a Unix socket. Proxies are not used: credentials are fetched from
// where the operator said, and from nowhere else. trust is for https.
func Dial(issuer string, trust Trust) (*http.Client, string, error) {
	config, err := trust.config()
	if err != nil {
		return nil, "", fmt.Errorf("issuer %q: %w", issuer, err)
	}
	dialer := &net.Dialer{Timeout: dialTimeout}
	transport := &http.Transport{DialContext: dialer.DialContext, TLSClientConfig: config, TLSHandshakeTimeout: dialTimeout,
		IdleConnTimeout: idleTimeout, MaxIdleConnsPerHost: 16}
	client := &http.Client{
		Transport: transport,
		// A redirect would carry the host token to somebody else.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	if path, ok := socketPath(issuer); ok {
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, "unix", path)
		}
		return client, "http://localhost", nil
	}
	u, err := url.Parse(issuer)
	switch {
	case err != nil:
		return nil, "", fmt.Errorf("issuer %q: %w", issuer, err)
	case u.User != nil: // net/http would send it as an Authorization header
		return nil, "", fmt.Errorf("issuer %q: leave out the user: the host's key is what proves who asks", u.Redacted())
	case u.Scheme == "https" && u.Hostname() != "", u.Scheme == "http" && loopback(u.Hostname()):
		return client, issuer, nil
	case u.Scheme == "http":
		return nil, "", fmt.Errorf("issuer %q: credentials would cross the network in clear: use https", issuer)
	}
	return nil, "", fmt.Errorf("issuer %q: want https://HOST, http://127.0.0.1:PORT or unix:/PATH", issuer)
}

// socketPath returns the path of an issuer on a Unix socket, as it stands: a
// file's name may hold what a URL would have escaped. It is absolute; in
// unix://run/x, run would be a host.
func socketPath(issuer string) (string, bool) {
	path, ok := strings.CutPrefix(issuer, "unix:")
	if rest, ok := strings.CutPrefix(path, "//"); ok {
		path = rest
	}
	return path, ok && filepath.IsAbs(path)
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}
