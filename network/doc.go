// Package network lets instances reach us at 169.254.169.254 and fd00:ec2::254,
// and says by which way each connection came.
//
//	Attachment -> State: wanted ---- settle ----> stand: a device with what it needs
//	                       |                        addresses, routes (room link)
//	                       |                        what the kernel lets pass (room steer)
//	                       |                        doors: listeners bound to the device
//	                     place: a network                        |
//	                     namespace, its events                 hall -> *Conn
//
// An [Attachment] is a way by which requests arrive: a device behind which there is
// one instance, one port of a bridge of many, a container's network namespace, or
// the host itself. Identity is the socket that a request arrived on, never a header
// and never a bare source address. So every listener is bound to a device
// (SO_BINDTODEVICE, socket(7)), without exception: Linux answers on any device for an
// address that one of them has, and a neighbour that routes 169.254.169.254 by way of
// this host would get this host's role. On a bridge, where many share a device, the
// kernel drops every packet to the metadata addresses whose port, MAC and IP address
// are not one instance's (room steer), and only therefore the peer's address says who
// it is.
//
// Invariants:
//
//   - A name is no identity: an attachment is [Bound] to the device that was seen
//     first. Another of that name gets nothing, unless the attachment says Follow.
//
//   - Nothing fails open: before a device is looked at, the kernel is told never to
//     forward what its guest sends to the metadata addresses. That outlives this
//     process, and ends with [State.Remove] or [Cleanup]. It is told the device's name,
//     for those that come later, and its index, for another name of this one.
//     For a container that is attached from the inside, the host's ends of its devices
//     are guarded as well.
//
//   - One process looks after a namespace. Another is refused there, before it changes
//     anything.
//
//   - An attachment whose guest the kernel's settings keep from being heard is [Failed],
//     by the setting's name, and never attached in vain.
//
//   - What is wanted is wanted for good: what others undo is mended, and a device
//     that comes later is served when the kernel tells of it. What was there before
//     us, and what others add, is left alone.
//
//   - Port 80 is others'. Listeners sit at a port of their own, and the kernel leads
//     requests for port 80 of a metadata address there (room steer): on the devices of
//     attachments, and at these addresses alone. Nothing else of the host is reached
//     at them.
//
// State is gone through by one goroutine at a time, in steps of a few system calls
// whose number does not depend on how many attachments there are. Doors and the hall
// take none of its locks. Linux alone.
//
// network knows no roles and imports no other room but its own: package cmd maps
// the name of an attachment to an instance.
package network
