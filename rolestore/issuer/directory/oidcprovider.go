package directory

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

const bucketOIDC = "oidc_provider"

// The bounds of an OpenID Connect provider
// (https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateOpenIDConnectProvider.html).
const (
	maxProviderURL = 255
	maxClientIDs   = 100
	maxClientID    = 255
	maxThumbprints = 5
)

var thumbprint = regexp.MustCompile(`^[0-9A-Fa-f]{40}$`)

// OIDCProviderDefinition is an OpenID Connect provider as CreateOpenIDConnectProvider
// takes it.
type OIDCProviderDefinition struct {
	// URL is the issuer, to the letter, that is iss in its tokens.
	URL string
	// ClientIDs are the audiences that its tokens may be for.
	ClientIDs []string
	// Thumbprints are SHA-1, in hexadecimal, of certificates of its server's chain.
	Thumbprints []string
	Tags        map[string]string
	// OnPremises lets the URL have a port, and the provider be at a private address.
	OnPremises bool
	// CA is a bundle of certificates in PEM that its server is checked by in the place of
	// the system's; empty for these.
	CA string
}

// OIDCProvider is an OpenID Connect provider of an account.
type OIDCProvider struct {
	OIDCProviderDefinition
	UniqueID  string
	Account   string
	ManagedBy string
	Created   time.Time
}

// ARN is arn:aws:iam::<account>:oidc-provider/<URL without its scheme>.
func (p *OIDCProvider) ARN() string { return arn(p.Account, "oidc-provider", "/", schemeless(p.URL)) }

type oidcRecord struct{ record[OIDCProviderDefinition] }

// schemeless is what providers are known by: the URL without https://.
func schemeless(issuer string) string { return strings.TrimPrefix(issuer, "https://") }

func (p OIDCProviderDefinition) validate() error {
	u, err := url.Parse(p.URL)
	switch {
	case err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || len(p.URL) > maxProviderURL || strings.ContainsAny(p.URL, " *?#"):
		return fmt.Errorf("want a url of at most %d characters that begins with https:// and has no query, as it is in iss of its tokens", maxProviderURL)
	case u.Port() != "" && !p.OnPremises:
		return errors.New("url: IAM takes none with a port; on_premises: true does, and lets it be at a private address")
	case len(p.ClientIDs) > maxClientIDs:
		return fmt.Errorf("client_id_list: at most %d", maxClientIDs)
	case len(p.Thumbprints) > maxThumbprints:
		return fmt.Errorf("thumbprint_list: at most %d", maxThumbprints)
	}
	for _, id := range p.ClientIDs {
		if id == "" || len(id) > maxClientID {
			return fmt.Errorf("client_id_list: want ids of 1 to %d characters", maxClientID)
		}
	}
	for _, t := range p.Thumbprints {
		if !thumbprint.MatchString(t) {
			return fmt.Errorf("thumbprint_list: %q: want the SHA-1 of a certificate, 40 hexadecimal digits", t)
		}
	}
	if block, _ := pem.Decode([]byte(p.CA)); p.CA != "" && (block == nil || !x509.NewCertPool().AppendCertsFromPEM([]byte(p.CA))) {
		return errors.New("ca: there is no certificate in PEM in it")
	}
	return validateTags(p.Tags)
}

func (a AccountDefinition) validateOIDCProviders() error {
	seen := map[string]bool{}
	for _, p := range a.OIDCProviders {
		if seen[p.URL] {
			return in(nouns[bucketOIDC], p.URL, errTwice)
		}
		seen[p.URL] = true
		if err := p.validate(); err != nil {
			return in(nouns[bucketOIDC], p.URL, err)
		}
	}
	return nil
}

func (p OIDCProviderDefinition) changes(o OIDCProviderDefinition) []string {
	return changes(
		field{"client_id_list", slices.Equal(p.ClientIDs, o.ClientIDs)},
		field{"thumbprint_list", slices.Equal(p.Thumbprints, o.Thumbprints)},
		field{"tags", maps.Equal(p.Tags, o.Tags)},
		field{"on_premises", p.OnPremises == o.OnPremises},
		field{"ca", p.CA == o.CA})
}

func (r *reconciliation) oidcProvider(account string, want OIDCProviderDefinition) error {
	name := schemeless(want.URL)
	k := key(account, name)
	var next oidcRecord
	if err := r.tx.GetJSON(bucketOIDC, k, &next); err != nil || r.givesWay(r.by, next.ManagedBy) {
		return err
	}
	if settle(r, object{bucketOIDC, "", account, name, "", r.by}, &next.record, want, OIDCProviderDefinition.changes) {
		return r.tx.PutJSON(bucketOIDC, k, next)
	}
	return nil
}

func readOIDCProvider(e *entry) error {
	var r oidcRecord
	if err := e.decode(&r); err != nil {
		return err
	}
	e.noun = &OIDCProvider{OIDCProviderDefinition: r.Definition, UniqueID: r.UniqueID, Account: r.Account, ManagedBy: r.ManagedBy, Created: r.Created}
	return nil
}

// OIDCProvider returns an account's provider of that issuer, or nil.
func (s *Snapshot) OIDCProvider(account, issuer string) *OIDCProvider {
	p := noun[*OIDCProvider](s.record(bucketOIDC, key(account, schemeless(issuer))))
	if p == nil || p.URL != issuer {
		return nil // an iss without its scheme is another
	}
	return s.placed(p)
}
