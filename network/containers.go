package network

import (
	"net"
	"net/netip"

	"github.com/rolecall/rolecall/network/link"
)

// ServedTo says what the address of a connection is for.
type ServedTo int

const (
	// Instances look for EC2's metadata service there.
	Instances ServedTo = iota
	// Tasks of ECS do for their credentials.
	Tasks
	// Pods of EKS do.
	Pods
)

// WithTasks is a, served at the address that tasks look at too.
func (a Attachment) WithTasks() Attachment { return a.servedAt(link.TaskIPv4) }

// WithPods is a, served at the addresses that pods look at too.
func (a Attachment) WithPods(ipv6 bool) Attachment {
	if !ipv6 {
		return a.servedAt(link.PodIPv4)
	}
	return a.servedAt(link.PodIPv4, link.PodIPv6)
}

// servedAt adds addresses to a copy of what a is served at.
func (a Attachment) servedAt(more ...netip.Addr) Attachment {
	served := append([]netip.AddrPort{}, a.Served...)
	for _, addr := range more {
		served = append(served, netip.AddrPortFrom(addr, metadataPort))
	}
	a.Served = served
	return a
}

// ServedTo is what the address is for that the connection was opened to, as the kernel
// says: the port may have been rewritten, and the address never is.
func (c *Conn) ServedTo() ServedTo {
	tcp, ok := c.LocalAddr().(*net.TCPAddr)
	if !ok {
		return Instances
	}
	switch tcp.AddrPort().Addr().Unmap() {
	case link.TaskIPv4:
		return Tasks
	case link.PodIPv4, link.PodIPv6:
		return Pods
	}
	return Instances
}
