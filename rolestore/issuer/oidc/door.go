package oidc

import (
	"context"
	"crypto/sha1" //nolint:gosec // IAM's thumbprints are SHA-1; a second preimage of one is out of reach
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	// timeout is the longest that anything is waited for that a provider says.
	timeout = 5 * time.Second

	// maxDocument bounds a discovery document and a key set, in bytes: two hundred keys
	// with their certificates.
	maxDocument = 1 << 20
)

var (
	errPrivate    = errors.New("it is at an address that is not public; on_premises: true in its definition lets it be there")
	errThumbprint = errors.New("OpenIDConnect provider's HTTPS certificate doesn't match configured thumbprint")
	errScheme     = errors.New("want https")
)

// door is the way to one provider.
type door struct{ client *http.Client }

// newDoor opens no connection yet. No proxy is used: behind one it would be the proxy
// that decides which addresses a provider may be at.
func newDoor(p Provider) (door, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if p.CA != "" {
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM([]byte(p.CA)) {
			return door{}, errors.New("its CA bundle has no certificate in PEM")
		}
	}
	if len(p.Thumbprints) > 0 {
		roots := config.RootCAs
		config.InsecureSkipVerify = true // what follows verifies
		config.VerifyConnection = func(s tls.ConnectionState) error { return verifyChain(s, roots, p.Thumbprints) }
	}
	dialer := &net.Dialer{Timeout: timeout, Control: func(_, address string, _ syscall.RawConn) error {
		return reachable(address, p.OnPremises)
	}}
	return door{&http.Client{
		Timeout:   timeout,
		Transport: &http.Transport{DialContext: dialer.DialContext, TLSClientConfig: config, ForceAttemptHTTP2: true, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse // the operator named this URL and no other
		},
	}}, nil
}

// nowhere are networks that no provider is at, on whatever premises: this network, the
// metadata services of clouds and other link-local addresses, multicast and the rest.
var nowhere = prefixes("0.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3", "::/128", "fe80::/10", "fec0::/10", "ff00::/8", "fd00:ec2::/32")

// inside are the networks that are not public
// (https://www.iana.org/assignments/iana-ipv4-special-registry and its IPv6 sister).
var inside = prefixes("10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
	"192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "::1/128", "64:ff9b::/96", "64:ff9b:1::/48",
	"100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16", "fc00::/7")

func prefixes(all ...string) []netip.Prefix {
	var parsed []netip.Prefix
	for _, text := range all {
		parsed = append(parsed, netip.MustParsePrefix(text))
	}
	return parsed
}

// reachable says no to an address that no provider may be at. It is asked after the name
// was resolved, of the very address that is connected to.
func reachable(address string, private bool) error {
	parsed, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	a := parsed.Addr().Unmap().WithZone("")
	within := func(p netip.Prefix) bool { return p.Contains(a) }
	switch {
	case slices.ContainsFunc(nowhere, within):
		return errors.New("no identity provider may be at its address")
	case !private && slices.ContainsFunc(inside, within):
		return errPrivate
	}
	return nil
}

// verifyChain verifies the server by the roots, or else by a certificate of its own chain
// whose thumbprint is known.
func verifyChain(s tls.ConnectionState, roots *x509.CertPool, thumbprints []string) error {
	leaf, between, known := s.PeerCertificates[0], x509.NewCertPool(), x509.NewCertPool()
	for _, c := range s.PeerCertificates {
		between.AddCert(c)
		sum := sha1.Sum(c.Raw) //nolint:gosec // see the import
		if slices.ContainsFunc(thumbprints, func(t string) bool { return strings.EqualFold(t, hex.EncodeToString(sum[:])) }) {
			known.AddCert(c)
		}
	}
	if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, DNSName: s.ServerName}); err == nil {
		return nil
	}
	if _, err := leaf.Verify(x509.VerifyOptions{Roots: known, Intermediates: between, DNSName: s.ServerName}); err != nil {
		return errThumbprint
	}
	return nil
}

// get reads a document.
func (d door) get(ctx context.Context, where string) ([]byte, error) {
	parsed, err := url.Parse(where)
	if err != nil || parsed.Scheme != "https" || parsed.Host == "" || parsed.User != nil {
		return nil, fmt.Errorf("%w: %.200q: %w", ErrKeys, where, errScheme)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, where, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKeys, err)
	}
	request.Header.Set("Accept", "application/json")
	response, err := d.client.Do(request)
	if err != nil {
		return nil, unreachable(err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return nil, &statusError{parsed.Host, response.StatusCode}
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxDocument+1))
	switch {
	case err != nil:
		return nil, unreachable(err)
	case len(body) > maxDocument:
		return nil, fmt.Errorf("%w: %s answers more than %d bytes", ErrKeys, parsed.Host, maxDocument)
	}
	return body, nil
}

// statusError is an answer that has no document.
type statusError struct {
	host string
	code int
}

func (e *statusError) Error() string { return e.host + " answers " + e.status() }

func (e *statusError) status() string { return strconv.Itoa(e.code) + " " + http.StatusText(e.code) }

// Unwrap says whether it is worth asking again.
func (e *statusError) Unwrap() error {
	if e.code >= http.StatusInternalServerError || e.code == http.StatusTooManyRequests {
		return ErrUnreachable
	}
	return ErrKeys
}

// unreachable tells a server that may be back from one that is not to be trusted.
func unreachable(err error) error {
	var request *url.Error
	if errors.As(err, &request) {
		err = request.Err // without the URL, in which a token may be
	}
	var certificate *tls.CertificateVerificationError
	if errors.As(err, &certificate) || errors.Is(err, errThumbprint) || errors.Is(err, errPrivate) {
		return fmt.Errorf("%w: %w", ErrKeys, err)
	}
	return fmt.Errorf("%w: %w", ErrUnreachable, err)
}
