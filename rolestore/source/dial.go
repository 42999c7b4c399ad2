package source

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"path/filepath"
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
// where the operator said, and from nowhere else.
func Dial(issuer string) (*http.Client, string, error) {
	u, err := url.Parse(issuer)
	if err != nil {
		return nil, "", fmt.Errorf("issuer %q: %w", issuer, err)
	}
	dialer := &net.Dialer{Timeout: dialTimeout}
	transport := &http.Transport{DialContext: dialer.DialContext, IdleConnTimeout: idleTimeout, MaxIdleConnsPerHost: 16}
	endpoint := issuer
	switch {
	case u.Scheme == "unix" && u.Host == "" && filepath.IsAbs(u.Path): // in unix://run/x, run is the host
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, "unix", u.Path)
		}
		endpoint = "http://localhost"
	case u.Scheme == "https" && u.Hostname() != "", u.Scheme == "http" && loopback(u.Hostname()):
	case u.Scheme == "http":
		return nil, "", fmt.Errorf("issuer %q: credentials would cross the network in clear: use https", issuer)
	default:
		return nil, "", fmt.Errorf("issuer %q: want https://HOST, http://127.0.0.1:PORT or unix:/PATH", issuer)
	}
	return &http.Client{
		Transport: transport,
		// A redirect would carry the host token to somebody else.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, endpoint, nil
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}
