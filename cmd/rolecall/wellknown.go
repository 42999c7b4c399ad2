package main

import (
	"crypto/x509"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/rolecall/rolecall/rolestore/issuer/oidc"
)

// fileEndpoints are where core.yaml has well-known identity providers asked, by their
// hosts: where there is no way out, or in a test.
type fileEndpoints map[string]struct {
	Endpoint string `yaml:"endpoint"`
	CA       string `yaml:"ca"`
}

func (f fileEndpoints) wellKnown() (oidc.WellKnown, error) {
	known := oidc.WellKnown{}
	for _, host := range slices.Sorted(maps.Keys(f)) {
		e := f[host]
		u, err := url.Parse(e.Endpoint)
		switch {
		case !slices.Contains([]string{oidc.Google, oidc.Amazon, oidc.Facebook}, host):
			return nil, fmt.Errorf("web_identity_providers: %q: want %s, %s or %s; others are defined as oidc_providers of an account", host, oidc.Google, oidc.Amazon, oidc.Facebook)
		case err != nil || u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "":
			return nil, fmt.Errorf("web_identity_providers: %s: endpoint %q: want a URL that begins with https://", host, e.Endpoint)
		case e.CA != "" && !x509.NewCertPool().AppendCertsFromPEM([]byte(e.CA)):
			return nil, fmt.Errorf("web_identity_providers: %s: ca: there is no certificate in PEM in it", host)
		}
		known[host] = oidc.Endpoint{URL: strings.TrimSuffix(e.Endpoint, "/"), CA: e.CA}
	}
	return known, nil
}
