package directory

import "github.com/rolecall/rolecall/rolestore/dbfile"

// Tx is a transaction of the directory's.
type Tx = dbfile.Tx

// EachJSON calls visit with every value of a bucket, decoded, in the order of the keys,
// as they are when it is called: visit may put and delete.
func EachJSON[V any](tx *Tx, bucket string, visit func(key string, value V) error) error {
	return dbfile.EachJSON(tx, bucket, visit)
}
