package directory

import "fmt"

// SetAccountAlias gives an account another name, in the place of one that it may have. No
// two accounts have the same.
func (d *Directory) SetAccountAlias(account, name string) error {
	return d.changeAccount(account, func(_ *Tx, a *accountRecord) error {
		if d.Snapshot().owners.get(alias(name)) != nil {
			return fmt.Errorf("account alias %s: %w", name, ErrExists)
		}
		a.Alias = name
		return nil
	})
}

// DeleteAccountAlias takes an account's alias away.
func (d *Directory) DeleteAccountAlias(account, alias string) error {
	return d.changeAccount(account, func(_ *Tx, a *accountRecord) error {
		if a.Alias != alias {
			return fmt.Errorf("account alias %s: %w", alias, ErrNotFound)
		}
		a.Alias = ""
		return nil
	})
}

// AccountAlias is the other name of an account, or empty.
func (s *Snapshot) AccountAlias(account string) string {
	return noun[accountRecord](s.record(bucketAccount, account)).Alias
}
