// Package cni is Rolecall's chained CNI plugin: it gives a container a role when a
// container runtime adds it to a network. It speaks versions 0.3.0 to 1.1.0 of the
// Container Network Interface
// (https://github.com/containernetworking/cni/blob/spec-v1.1.0/SPEC.md).
//
//	{"cniVersion": "1.0.0", "name": "web", "plugins": [
//	  {"type": "bridge", "bridge": "cni0", "isGateway": true, "ipam": {...}},
//	  {"type": "rolecall", "profile": "web"}]}
//
//	plugin.go   ADD, as calls of the agent's admin API
//	upkeep.go   DEL, CHECK, GC and STATUS
//	config.go   the network's configuration, and which role is asked for
//	result.go   what the plugins before this one did
//	locate.go   the way by which the container's requests arrive, from the kernel
//	route.go    the container's route to the metadata address
//	id.go       the instance that an attachment is
//	failure.go  errors as the specification wants them
//
// Invariants:
//
//   - ADD succeeds when the role is there: the container's first request is answered.
//     What fails is taken back.
//   - The kernel says where a container is attached. What the earlier plugins say must
//     agree with it, or nothing is registered.
//   - There is no state but the agent's. An instance is found again by an id that is
//     made of its network, container and interface.
//   - A container for which no role is asked has none, and the result of the plugins
//     before passes through as it is.
//   - Nothing of the container is changed but for one route, and that only where the
//     metadata address could not be reached without.
//
// The plugin runs in the runtime's network namespace, as the specification says;
// the agent must run in the same one. It imports the admin API's client and the
// vocabulary of rolestore, and must not import network: what it does to the network
// the agent does.
package cni
