// Package network lets instances reach us at 169.254.169.254 and fd00:ec2::254,
// and says by which way each connection came.
//
//	[]Attachment (wanted) -> addresses (room link) -> listeners -> *Conn
//
// An [Attachment] is a way by which requests arrive. Identity is the socket that
// a request arrived on, never a header or a source address. So every listener is
// bound to a device (SO_BINDTODEVICE, socket(7)), without exception: Linux
// answers on any device for an address that one of them has, and a neighbour that
// routes 169.254.169.254 by way of this host would get this host's role.
//
// There is one kind so far, the host itself: addresses on lo, listeners bound to
// lo. What an instance dials (Served) and where we listen (Listen) are two
// things, though the same while listeners are bound directly to port 80.
//
// [State.Apply] takes the whole wanted state and makes it so; a call that fails
// leaves things as they were. [State.Watch] mends what others undo. Everything acts
// on the network namespace of the calling thread; a listener stays in it. Linux
// alone.
//
// network knows no roles and imports no other room but its own: package cmd maps
// the name of an attachment to an instance.
package network
