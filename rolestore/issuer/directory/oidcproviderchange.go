package directory

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/rolecall/rolecall/rolestore/issuer/policy"
)

// maxOIDCProviders is how many an account has
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html).
const maxOIDCProviders = 100

// placed is a provider with its place: who may make one by the API could otherwise have
// the core ask any machine of its own network, so that it may be at no private address
// but where the operator says so. It is looked up at each use, for what core.yaml allows
// no longer ends at once.
func (s *Snapshot) placed(p *OIDCProvider) *OIDCProvider {
	if p.ManagedBy != ManagedByAPI {
		return p
	}
	q := *p
	q.OnPremises = s.mayBeOnPremises(p.Account, p.URL)
	return &q
}

// mayBeOnPremises reports whether core.yaml lets a provider of that URL be at a private
// address and have a port.
func (s *Snapshot) mayBeOnPremises(account, issuer string) bool {
	u, err := url.Parse(issuer)
	return err == nil && slices.ContainsFunc(noun[accountRecord](s.record(bucketAccount, account)).OnPremises, func(host string) bool { return strings.EqualFold(host, u.Host) })
}

// CreateOIDCProvider makes a provider. Nothing is asked of its server yet.
func (d *Directory) CreateOIDCProvider(account string, want OIDCProviderDefinition, now time.Time) error {
	return d.change(func(tx *Tx) error {
		s, k := d.Snapshot(), key(account, schemeless(want.URL))
		switch {
		case s.record(bucketOIDC, k) != nil:
			return fmt.Errorf("OIDC provider %s: %w", want.URL, ErrExists)
		case len(s.OIDCProviders(account)) >= maxOIDCProviders:
			return quota("OpenIdConnectProvidersPerAccount", maxOIDCProviders)
		}
		next := oidcRecord{record[OIDCProviderDefinition]{UniqueID: newUniqueID(""), Account: account, Path: orRoot(""),
			ManagedBy: ManagedByAPI, Definition: want, Created: now.UTC().Truncate(time.Second)}}
		if err := next.settle(s); err != nil {
			return err
		}
		return tx.PutJSON(bucketOIDC, k, next)
	})
}

// ChangeOIDCProvider changes what a provider is defined as, which is p as the caller saw
// it; one that was made anew since then is not changed. Its URL stays.
func (d *Directory) ChangeOIDCProvider(p *OIDCProvider, edit func(*OIDCProviderDefinition) error) error {
	return d.change(func(tx *Tx) error {
		var next oidcRecord
		k := key(p.Account, schemeless(p.URL))
		if err := still(d, tx, bucketOIDC, k, p.UniqueID, &next); err != nil {
			return err
		}
		if err := edit(&next.Definition); err != nil {
			return err
		}
		next.ManagedBy, next.Definition.URL = ManagedByAPI, p.URL
		if err := next.settle(d.Snapshot()); err != nil {
			return err
		}
		return tx.PutJSON(bucketOIDC, k, next)
	})
}

// DeleteOIDCProvider deletes a provider. Trust policies go on naming it, to nobody's use.
func (d *Directory) DeleteOIDCProvider(p *OIDCProvider) error {
	return d.change(func(tx *Tx) error {
		k := key(p.Account, schemeless(p.URL))
		if err := still(d, tx, bucketOIDC, k, p.UniqueID, &oidcRecord{}); err != nil {
			return err
		}
		return tx.Delete(bucketOIDC, k)
	})
}

// settle checks what a provider is defined as. Where it may be is not the API's to say,
// and so not kept.
func (r *oidcRecord) settle(s *Snapshot) error {
	def := r.Definition
	def.OnPremises = s.mayBeOnPremises(r.Account, def.URL)
	if u, err := url.Parse(def.URL); err == nil && u.Port() != "" && !def.OnPremises {
		return invalid(fmt.Errorf("url: IAM takes none with a port; on_premises_identity_providers: [%q] of the account in core.yaml does, and lets it be at a private address", u.Host))
	}
	if len(def.ClientIDs) > maxClientIDs {
		return quota("ClientIdsPerOpenIdConnectProvider", maxClientIDs)
	}
	r.Definition.OnPremises = false
	return invalid(def.validate())
}

// quota is the refusal of more than a quota.
func quota(name string, most int) error {
	return &policy.QuotaError{Message: fmt.Sprintf("Cannot exceed quota for %s: %d", name, most)}
}

// OIDCProviders are those of an account, by their ARNs.
func (s *Snapshot) OIDCProviders(account string) []*OIDCProvider {
	var all []*OIDCProvider
	for e := range s.records.under(bucketOIDC + "/" + account + "/") {
		all = append(all, s.placed(noun[*OIDCProvider](e)))
	}
	slices.SortFunc(all, func(a, b *OIDCProvider) int { return cmp.Compare(a.URL, b.URL) })
	return all
}

// OIDCProviderByARN returns the provider of that ARN, or nil.
func (s *Snapshot) OIDCProviderByARN(arn string) *OIDCProvider {
	prefix, name, ok := strings.Cut(arn, ":oidc-provider/")
	account := prefix[strings.LastIndexByte(prefix, ':')+1:]
	p := noun[*OIDCProvider](s.record(bucketOIDC, key(account, name)))
	if !ok || p == nil || p.ARN() != arn {
		return nil
	}
	return s.placed(p)
}

// validateOnPremises checks the hosts that an operator names.
func (a AccountDefinition) validateOnPremises() error {
	for _, host := range a.OnPremisesIdentityProviders {
		u, err := url.Parse("https://" + host)
		if err != nil || host == "" || u.Host != host || u.Hostname() == "" || strings.Contains(host, "*") {
			return errors.New("on_premises_identity_providers: want hosts, with a port unless it is 443, as in sso.example.internal:8443")
		}
	}
	return nil
}
