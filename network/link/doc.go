// Package link knows the devices of a network namespace, and makes them reachable
// for guests at the metadata addresses, through rtnetlink
// (https://man7.org/linux/man-pages/man7/rtnetlink.7.html).
//
//	device, err := Describe("tap0")                what is it?
//	have, err := List("tap0", before)              what has it?
//	ops := Plan(have, want)                        pure: what to add, what to remove
//	err = Apply(ops)                               all of it, or none; Mend: each by itself
//	changed, err := events.Next(ctx)               what did others change?
//
// A [Thing] is what can be wanted of a device. What we add is marked in the kernel
// itself, so that a later process finds what a killed one left, without any file:
//
//	Addr         169.254.169.254/32   on lo: label lo:rolecall
//	             fd00:ec2::254/128    deprecated (IPv6 addresses have no label)
//	             on other devices     no label fits: the caller puts on record that
//	                                  they are ours, and passes it to List
//	Reply        IPv6 default route from fd00:ec2::254 by the device    protocol 84
//	Neighbour    permanent entry for (bridge, address, MAC)             protocol 84
//	Setting      net.ipv4.conf.DEVICE.rp_filter and the like: the caller
//	             puts on record what they were
//	Bypass       rules that keep the host's way to another service      protocol 84
//	Precede      a local route by lo before those by guests' devices    protocol 84
//
// Invariants: an address, route, rule or neighbour without our mark is somebody
// else's; it is used as it is and never removed. Neither address is ever chosen as
// the source of the host's own packets while it has another: IPv4 has scope host,
// IPv6 is deprecated (RFC 6724 rule 3); and where it has no other, none of our
// routes is for such packets. Nothing that is done for one device costs more with
// many others there, but for a [Devices] of all.
//
// What a guest sends may be dropped, or his ARP left unanswered, by [Settings] of his
// device or of "all". Those of the device can be wished for ([HearGuests]); what is in
// the way then is told by [Obstacle].
//
// Who is bound to a guest's device is also reached by the host's own programs: Linux
// takes a packet that never left the host to have come by the device that has its
// destination. So a listener has to look at the device that it did come by (lo).
//
// Every function acts on the network namespace of the calling thread and keeps
// no state; [Events] stay in the namespace that they were opened in.
// Nothing here may import another room of the module.
package link
