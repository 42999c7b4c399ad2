// Package store keeps records, each of which has a revision, and tells who watches what
// becomes of them. It is what the directory is kept in: a [File] on one machine, and a
// store that several cores share on several.
//
//	revision      counts the transactions; a record has that of the one that put it last
//	transaction   puts and deletes records, all or none, if those that its conditions
//	              name have the revisions that they say (etcd's Txn, Compare and ModRevision:
//	              https://etcd.io/docs/v3.6/learning/api/)
//	watch         all transactions after a revision, in order, none left out
//
// What a store has to do is said by the interface of who uses it, the directory's, and by
// the room storetest, which each store has to pass.
//
// The package knows nothing of what is in the records.
package store
