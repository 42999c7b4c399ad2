package hold

import "github.com/rolecall/rolecall/rolestore/dbfile"

// Releases are the ids of instances that were removed here and may still be leased to
// this host at its core, which could not be reached.
func (a *Agent) Releases() ([]string, error) {
	var ids []string
	err := a.file.View(func(tx *dbfile.Tx) error {
		return tx.ForEach(releasesBucket, func(id string, _ []byte) error {
			ids = append(ids, id)
			return nil
		})
	})
	return ids, err
}

// Released notes that the core has released the instance, or that it is to keep it, as
// it is registered here again.
func (a *Agent) Released(id string) error {
	return a.file.Update(func(tx *dbfile.Tx) error { return tx.Delete(releasesBucket, id) })
}
