// Package steer keeps our nftables tables
// (https://man7.org/linux/man-pages/man8/nft.8.html), one of each family, in the
// network namespace of the calling thread. They do what sockets cannot.
//
//	table inet rolecall    a packet for the metadata addresses from a guarded
//	                       device, which is known by its name and by its index, is
//	                       never forwarded to somebody else's service;
//	                       one for port 80 where we serve is led to our listener, and
//	                       all else is refused
//	table netdev rolecall  the same refusal, by the device that a guest is on, and of what
//	                       is for somebody on top of it
//	table bridge rolecall  on a bridge that instances share: which (port, MAC
//	                       address, IP address) may speak to these addresses, told
//	                       by the kernel for each packet, so that a listener on the
//	                       bridge may trust the address of its peer
//
// How a packet comes up through a shared bridge, and the answer goes down:
//
//	port -> bridge prerouting     forged: dropped. Member: mark bit set
//	     -> inet prerouting       from a shared bridge, bit not set: dropped; bit cleared
//	     -> listener on the bridge
//	     -> inet postrouting      from a metadata address to a shared bridge: bit set
//	     -> bridge output -> port bit set, and not to the member: dropped
//
// How a request for port 80 comes to our listener at another port, and the answer back
// (mode [Rewrite]):
//
//	device -> netdev ingress      another port: refused
//	     -> inet prerouting       of guests: not tracked
//	     -> inet input, first     where nobody serves, or another port: refused
//	     -> others' firewalls     see port 80
//	     -> inet input, last      port 80 becomes ours
//	     -> listener
//	     -> inet output, first    ours becomes 80
//
// So a port that joined a moment ago and that nobody told us of can neither ask
// nor overhear: a bridge floods what it has no entry for, and learns anew from
// whoever sends.
//
// Invariants: sets grow, rules do not; the price of a packet and of an element
// does not depend on their number. The tables have no owner: they outlive the
// process, and are the record by which the next one finds what this one did.
// Tables of our name are ours whole; no other table is touched. Every change is
// one transaction, so that no packet sees half of one. No socket stays open but
// that of [Changes].
//
// Of this module steer may import network/link alone.
package steer
