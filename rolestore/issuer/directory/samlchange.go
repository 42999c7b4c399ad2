package directory

import (
	"cmp"
	"fmt"
	"strings"
	"time"
)

// CreateSAMLProvider makes a provider. Its name must be free, in any case.
func (d *Directory) CreateSAMLProvider(account string, want SAMLProviderDefinition, now time.Time) error {
	if err := invalid(want.validate()); err != nil {
		return err
	}
	return d.change(func(tx *Tx) error {
		for _, p := range d.Snapshot().SAMLProviders(account) {
			if strings.EqualFold(p.Name, want.Name) {
				return fmt.Errorf("SAML provider %s: %w", p.Name, ErrExists)
			}
		}
		next := samlRecord{record: record[SAMLProviderDefinition]{UniqueID: newUniqueID("SAML"), Account: account, Path: "/",
			ManagedBy: ManagedByAPI, Definition: want, Created: now.UTC().Truncate(time.Second)}}
		return next.write(tx, key(account, want.Name))
	})
}

// ChangeSAMLProvider changes what a provider is defined as, but for its name. p is the
// provider as the caller saw it; one that was made anew since then is not changed.
func (d *Directory) ChangeSAMLProvider(p *SAMLProvider, edit func(*SAMLProviderDefinition) error) error {
	return d.change(func(tx *Tx) error {
		var next samlRecord
		k := key(p.Account, p.Name)
		if err := still(d, tx, bucketSAML, k, p.UniqueID, &next); err != nil {
			return err
		}
		next.reveal()
		if err := cmp.Or(edit(&next.Definition), invalid(next.Definition.validate())); err != nil {
			return err
		}
		next.ManagedBy = ManagedByAPI
		return next.write(tx, k)
	})
}

// DeleteSAMLProvider deletes a provider. Sessions that were given for its assertions stay
// until they end, and trust policies that name it name whoever is made under its name
// later, as at AWS.
func (d *Directory) DeleteSAMLProvider(p *SAMLProvider) error {
	return d.change(func(tx *Tx) error {
		k := key(p.Account, p.Name)
		if err := still(d, tx, bucketSAML, k, p.UniqueID, &samlRecord{}); err != nil {
			return err
		}
		return tx.Delete(bucketSAML, k)
	})
}

// SAMLProviders are those of an account, by their names.
func (s *Snapshot) SAMLProviders(account string) []*SAMLProvider {
	var providers []*SAMLProvider
	for _, p := range things[*SAMLProvider](s, bucketSAML, account) {
		if p != nil { // one that is understood
			providers = append(providers, p)
		}
	}
	return providers
}
