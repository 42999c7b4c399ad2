package oidc

// The hosts that trust policies name, of providers that no account needs an object for
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_oidc.html). For whom
// a token of theirs must be is for the trust policy to say.
const (
	Google   = "accounts.google.com" // ID tokens
	Amazon   = "www.amazon.com"      // access tokens of Login with Amazon
	Facebook = "graph.facebook.com"  // access tokens of Facebook Login
)

// Endpoint is where a well-known provider is asked, if not at its public address: a
// stand-in, or a gateway of a network without a way out.
type Endpoint struct {
	// URL begins with https and has no slash at its end.
	URL string
	// CA is a bundle of certificates in PEM; empty for the system's.
	CA string
}

// public are the addresses of the providers.
var public = map[string]string{
	Google:   "https://accounts.google.com",
	Amazon:   "https://api.amazon.com",
	Facebook: "https://graph.facebook.com",
}

// WellKnown are the providers that every account has. The zero value asks them where
// everybody does.
type WellKnown map[string]Endpoint

// at returns a provider's endpoint. One that an operator names may be anywhere.
func (w WellKnown) at(host string) (where Endpoint, onPremises bool) {
	if e, ok := w[host]; ok {
		return e, true
	}
	return Endpoint{URL: public[host]}, false
}

// Google returns the provider of Google's ID tokens, whose iss is one of two.
func (w WellKnown) Google() Provider {
	where, own := w.at(Google)
	return Provider{Issuer: public[Google], Alias: Google, Endpoint: where.URL, CA: where.CA, OnPremises: own, AnyClient: true}
}

// IsGoogle reports whether iss is Google's.
func IsGoogle(issuer string) bool { return issuer == Google || issuer == public[Google] }
