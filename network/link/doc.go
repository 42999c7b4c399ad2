// Package link puts the metadata addresses on a device and takes them away
// again, through rtnetlink (https://man7.org/linux/man-pages/man7/rtnetlink.7.html).
//
//	have, err := List("lo")
//	ops := Plan(have, want)      pure: what to add, what to remove
//	err = Apply(ops)             all of it, or none
//
// An address that we added carries a mark in the kernel itself, so that a later
// process finds what a killed one left, without any file:
//
//	169.254.169.254/32  label lo:rolecall
//	fd00:ec2::254/128   deprecated (IPv6 addresses have no label)
//
// Invariants: an address without our mark is somebody else's; it is used as it
// is and never removed. Neither address is ever chosen as the source of the
// host's own packets: IPv4 has scope host, IPv6 is deprecated (RFC 6724 rule 3).
//
// Every function acts on the network namespace of the calling thread and keeps
// no state. Nothing here may import another room of the module.
package link
