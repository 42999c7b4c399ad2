package link

import (
	"errors"
	"fmt"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// Local is the kernel's own route to an address of ours on a device (RTN_LOCAL in the
// table local, ip-route(8)). The kernel makes it once, with the address. Where somebody
// deletes it, nobody is reached at the address, though it is still there.
type Local struct{ Addr Addr }

// String is the command of ip(8) that brings it back.
func (l Local) String() string {
	ip := l.Addr.Prefix.Addr()
	if ip.Is6() {
		return Op{Del, l.Addr}.String() + " && " + Op{Add, l.Addr}.String()
	}
	return fmt.Sprintf("ip route append local %s dev %s table local proto kernel scope host src %s", ip, l.Addr.Device, ip)
}

// Mend brings the route back, and says whether it was missing; seen is that it was there
// since the address was. An IPv6 route that was not may be about to come by itself.
//
// The IPv4 route is made as the kernel does, which takes it away with the address. With
// IPv6 the kernel takes away the very route that it made, and another would outlive the
// address: there the address is made anew, and its route with it.
func (l Local) Mend(seen bool) (missing, there bool, err error) {
	if l.Addr.Prefix.Addr().Is4() {
		missing, err = l.add()
		return missing, err == nil, l.failed(err)
	}
	there, err = l.Addr.settled()
	if there || !seen || err != nil {
		return false, there, l.failed(err)
	}
	return true, false, l.failed(errors.Join(l.Addr.change(Del), l.Addr.change(Add)))
}

// add adds the route after those that others have to the address. Whether it is there is
// not asked for beforehand: the kernel would go through all that are local.
func (l Local) add() (missing bool, err error) {
	d, err := Find(l.Addr.Device)
	if err != nil || d.MasterIndex != 0 {
		return false, err // a VRF, which has a table of its own, may be the master
	}
	ip := l.Addr.Prefix.Addr().AsSlice()
	err = change(unix.RTM_NEWROUTE, unix.NLM_F_CREATE|unix.NLM_F_APPEND,
		&nl.RtMsg{RtMsg: unix.RtMsg{
			Family: unix.AF_INET, Dst_len: 32, Table: unix.RT_TABLE_LOCAL,
			Type: unix.RTN_LOCAL, Scope: unix.RT_SCOPE_HOST, Protocol: unix.RTPROT_KERNEL,
		}},
		nl.NewRtAttr(unix.RTA_DST, ip), nl.NewRtAttr(unix.RTA_PREFSRC, ip), oif(d.Index))
	return err == nil, ignore(unix.EEXIST, err)
}

func (l Local) failed(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", l, Denied(NetAdmin, err))
}
