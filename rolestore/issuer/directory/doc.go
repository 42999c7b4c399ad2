// Package directory holds what the core knows: its own identity and issuing
// keys, accounts, users with their access keys and MFA devices, groups, roles,
// managed policies, instance profiles, hosts and what hosts are granted. Nouns,
// names and bounds are IAM's
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html).
//
// It lives in core.db, whose buckets are
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
// Readers never touch the file: they take a [Snapshot], which is immutable and
// replaced as a whole after each change. A change is durable before it is seen.
//
// Leases alone are not in it: there may be very many, and hosts claim them while
// they work; see [Directory.Lease]. A [Watch] notes what changes for one host.
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
