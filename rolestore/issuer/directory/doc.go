// Package directory holds what the core knows: its own identity and issuing
// keys, accounts, roles with their policies, instance profiles, hosts and what
// hosts are granted. Nouns, names and bounds are IAM's
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html).
//
// It lives in core.db, whose buckets are
//
//	core               identity: the core's id and its issuing keys
//	account            <account id>
//	role               <account id>/<name>
//	instance_profile   <account id>/<name>
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
// A policy that cannot be understood whole is refused here, before it is stored.
//
// The package must not import gin, network or imds.
package directory
