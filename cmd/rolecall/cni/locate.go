package cni

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"

	"github.com/containernetworking/cni/pkg/types"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/rolecall/rolecall/rolestore"
)

// ownNetns is the namespace that the plugin runs in, as all its threads do.
const ownNetns = "/proc/self/ns/net"

// sandbox is a container's network namespace, seen from both sides.
type sandbox struct {
	path            string
	own             *os.File // the namespace outside
	file            *os.File
	inside, outside *netlink.Handle
}

// openSandbox opens the namespace at path. The caller closes it.
func openSandbox(path string) (*sandbox, error) {
	s := &sandbox{path: path}
	if err := s.open(); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *sandbox) open() (err error) {
	if s.file, err = os.Open(s.path); err != nil {
		return failure(types.ErrUnknownContainer, "CNI_NETNS %s: %v", s.path, err)
	}
	kind, err := unix.IoctlRetInt(int(s.file.Fd()), unix.NS_GET_NSTYPE)
	if err != nil || kind != unix.CLONE_NEWNET {
		return failure(types.ErrInvalidNetNS, "CNI_NETNS %s is no network namespace", s.path)
	}
	if s.own, err = os.Open(ownNetns); err != nil {
		return err
	}
	inside, outside := netns.NsHandle(s.file.Fd()), netns.NsHandle(s.own.Fd())
	if inside.Equal(outside) {
		return failure(types.ErrInvalidNetNS, "CNI_NETNS %s is the host's own namespace: the host's role is registered with `rolecall instance put`, not by a runtime", s.path)
	}
	if s.inside, err = netlink.NewHandleAt(inside, unix.NETLINK_ROUTE); err != nil {
		return fmt.Errorf("netlink in %s: %w", s.path, err)
	}
	if s.outside, err = netlink.NewHandle(unix.NETLINK_ROUTE); err != nil {
		return fmt.Errorf("netlink: %w", err)
	}
	return nil
}

func (s *sandbox) close() {
	for _, h := range []*netlink.Handle{s.inside, s.outside} {
		if h != nil {
			h.Close()
		}
	}
	_ = s.file.Close()
	_ = s.own.Close()
}

// way is how a container's requests leave it. A container whose interface has its
// other end on this host is known by that: by the bridge's port that it is, or else
// as a device of its own. All others (macvlan, a device of the host's, no interface
// at all) are served inside of their namespace.
type way struct {
	device netlink.Link // in the container; nil if there is none of that name
	host   netlink.Link // its other end; nil for those served inside
	bridge netlink.Link // that host is a port of; nil if of none
}

// find finds the way of the interface of that name.
func (s *sandbox) find(ifname string, said claim) (way, error) {
	var w way
	device, err := s.inside.LinkByName(ifname)
	switch {
	case errors.As(err, &netlink.LinkNotFoundError{}) && !said.made:
		return w, nil
	case err != nil:
		return w, failure(types.ErrUnknownContainer, "CNI_IFNAME %s in CNI_NETNS %s: %v", ifname, s.path, err)
	}
	if err := s.agree(device, said); err != nil {
		return w, err
	}
	w.device = device
	host, err := s.peer(device)
	if host == nil || err != nil {
		return w, err
	}
	master, err := s.master(host)
	switch {
	case err != nil:
		return w, err
	case master == nil:
		w.host = host
	case master.Type() == "bridge":
		w.host, w.bridge = host, master
	} // of another master it is not known where the device's packets arrive
	return w, nil
}

// attachment is the way in the agent's words. On a bridge the container is known by
// the addresses of the families over which it is served.
func (s *sandbox) attachment(w way, from sources) (rolestore.Attachment, error) {
	switch {
	case w.host == nil:
		return rolestore.Attachment{Netns: s.path}, nil
	case w.bridge == nil:
		return rolestore.Attachment{Interface: w.host.Attrs().Name}, nil
	}
	a := rolestore.Attachment{
		Bridge: w.bridge.Attrs().Name, Port: w.host.Attrs().Name, MAC: w.device.Attrs().HardwareAddr.String(),
	}
	if from.ipv4.IsValid() {
		a.Address = from.ipv4.String()
	}
	if from.ipv6.IsValid() {
		a.IPv6Address = from.ipv6.String()
	}
	if a.Address == "" && a.IPv6Address == "" {
		return a, failure(types.ErrInvalidNetworkConfig, "interface %s in CNI_NETNS %s has no address: on a bridge a container is known by it, so give the network an ipam", w.device.Attrs().Name, s.path)
	}
	return a, nil
}

// agree holds what the earlier plugins say against what is there. A container that
// is not what they made it must not get a role by what they say.
func (s *sandbox) agree(device netlink.Link, said claim) error {
	name := device.Attrs().Name
	differs := func(what, want, have string) error {
		return failure(types.ErrInvalidNetworkConfig, "prevResult says that %s has %s %s, but in CNI_NETNS %s it has %s: a plugin after it must say what it changes", name, what, want, s.path, cmp.Or(have, "none"))
	}
	have := device.Attrs().HardwareAddr
	if want, err := net.ParseMAC(said.mac); said.mac != "" && (err != nil || !slices.Equal(want, have)) {
		return differs("the MAC address", said.mac, have.String())
	}
	addrs, err := s.inside.AddrList(device, netlink.FAMILY_ALL)
	if err != nil {
		return fmt.Errorf("list the addresses of %s: %w", name, err)
	}
	var texts []string
	for _, a := range addrs {
		texts = append(texts, a.IP.String())
	}
	for _, want := range said.addrs {
		if !slices.Contains(texts, want.String()) {
			return differs("the address", want.String(), strings.Join(texts, ", "))
		}
	}
	return nil
}

// peer is the other end of a veth pair, if it is in the namespace of this process.
// The number of a device means something in one namespace alone, so both ends must
// say that the other one is theirs.
func (s *sandbox) peer(device netlink.Link) (netlink.Link, error) {
	there := device.Attrs()
	if device.Type() != "veth" || there.NetNsID == -1 {
		return nil, nil
	}
	outside, err := s.inside.GetNetNsIdByFd(int(s.own.Fd()))
	if err != nil {
		return nil, fmt.Errorf("the number of this namespace in %s: %w", s.path, err)
	}
	if there.NetNsID != outside {
		return nil, nil
	}
	host, err := s.outside.LinkByIndex(there.ParentIndex)
	if err != nil {
		return nil, fmt.Errorf("the host's end of %s: %w", there.Name, err)
	}
	inside, err := s.outside.GetNetNsIdByFd(int(s.file.Fd()))
	if err != nil {
		return nil, fmt.Errorf("the number of %s in this namespace: %w", s.path, err)
	}
	if here := host.Attrs(); host.Type() != "veth" || here.ParentIndex != there.Index || here.NetNsID != inside {
		return nil, failure(types.ErrTryAgainLater, "device %s is not the host's end of %s in %s any more", here.Name, there.Name, s.path)
	}
	return host, nil
}

// master is the device that a device is a port of, or nil.
func (s *sandbox) master(host netlink.Link) (netlink.Link, error) {
	if host.Attrs().MasterIndex == 0 {
		return nil, nil
	}
	master, err := s.outside.LinkByIndex(host.Attrs().MasterIndex)
	if err != nil {
		return nil, fmt.Errorf("the bridge of %s: %w", host.Attrs().Name, err)
	}
	return master, nil
}
