// Package directory holds what the core knows: its own identity and issuing
// keys, accounts, users with their access keys and MFA devices, groups, roles,
// managed policies, instance profiles, hosts and what hosts are granted. Nouns,
// names and bounds are IAM's
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html).
//
// It is records in a [Store], which is core.db on one machine; see the room store. Their
// buckets are
//
//	core               identity: the core's id and its issuing keys; authority, for TLS;
//	                   site_certificates, for identity documents; web_identity_keys, for
//	                   tokens for parties outside
//	account            <account id>
//	role               <account id>/<name>
//	instance_profile   <account id>/<name>
//	policy             <account id>/<name>, a managed policy with its versions
//	group              <account id>/<name>
//	user               <account id>/<name>, with his access keys
//	mfa_device         <account id>/<name>, with its seed and the last code used
//	oidc_provider      <account id>/<URL without its scheme>
//	saml_provider      <account id>/<name>, with its metadata and our private keys for it
//	host               <host id>, with the host's key
//	grant              <account id>/<name>: which roles a host may fetch for which instances
//	lease              <instance id>, with the host that it belongs to
//	join_token         <hash of the secret>, with the account that a host may join
//
// Readers never touch the store: they take a [Snapshot], which is immutable, and the
// next shares with it all that has not changed. A change is a [Tx] on top of a snapshot.
// What it comes to is committed, durably and whole, if nothing was since that snapshot;
// then it comes back by the store's watch, the one way into the next snapshot, whoever
// changed something. So a change costs what it changes, and is seen when it is answered.
//
//	records, arns, ids, owners    the trees of a snapshot, of entries
//	readers                       what is read of a record when it comes
//	makers                        what is made of it, and of those that it names, when
//	                              somebody asks: policies take their time. It is made
//	                              anew only where one that it uses has changed
//
// A [Watch] notes what changes for one host.
//
// Definitions come from core.yaml or are built in; see [Directory.Reconcile]. The
// file owns what it names and nothing else; what is built in gives way to it. A
// name keeps its unique id for as long as it exists; made anew it gets another, so
// that the sessions of an earlier bearer of the name do not pass to the next.
//
// A trust policy is stored with the unique ids of whom it names, so that it does
// not pass to the next bearer of a name either; see [policy.Freeze].
//
// A policy that cannot be understood whole is refused here, before it is stored. One
// that is there all the same, of another version, or that is gone, leaves whom it
// was attached to with nothing allowed.
//
// The package must not import gin, network or imds.
package directory
