package link

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// ErrNotFound is what errors wrap where there is no device of the name or index.
var ErrNotFound = errors.New("there is no such device")

// kindBridge is the kernel's word for a bridge.
const kindBridge = "bridge"

// skipStats leaves the counters out of what the kernel tells of a device
// (RTEXT_FILTER_SKIP_STATS, rtnetlink.h).
const skipStats = 1 << 3

// Attributes of a device that x/sys/unix does not name (if_link.h, Linux 5.14).
const (
	parentName = 56 // IFLA_PARENT_DEV_NAME
	parentBus  = 57 // IFLA_PARENT_DEV_BUS_NAME
)

// Device is a network device (ip-link(8)).
type Device struct {
	// Index is given once in the life of a namespace.
	Index int
	// Name is at most 15 bytes, and can be changed.
	Name string
	// MAC is its link-layer address, as ip-link(8) writes it; empty without.
	MAC string
	// Kind is the kernel's word for a virtual device, such as tun (for taps too),
	// veth, bridge, macvtap; empty for hardware and lo.
	Kind string
	// Up says that the administrator, not the cable, is for it (IFF_UP).
	Up bool
	// Master is the name of the bridge, bond or VRF that has it as a port; empty
	// without. It is told by [Describe] and [Ports]; [Devices] has the index alone.
	Master string
	// MasterIndex is the index of Master, 0 without.
	MasterIndex int
	// Peer is the index of a veth's other end, or of the device that a macvlan is on,
	// in the namespace PeerNetns; 0 without.
	Peer int
	// PeerNetns is the id by which this namespace knows the peer's
	// (ip-netns(8), "list-id"), -1 for this one itself.
	PeerNetns int
	// Uplink says that a default route of the host leaves by it, so that whoever is
	// there is no guest. It is told by [Describe] alone.
	Uplink bool
	// Bypass says why a guest's packets go past this host's network stack, and so past
	// us: what kind of device it is, with an article. Empty if they do not.
	Bypass string
	// Settings are the device's own.
	Settings Settings
}

// Describe returns the device of a name. The error wraps [ErrNotFound] if there is
// none. The cost does not depend on how many others there are.
func Describe(name string) (Device, error) {
	d, err := Find(name)
	if err != nil {
		return Device{}, err
	}
	if d.MasterIndex != 0 {
		if d.Master, err = Named(d.MasterIndex); err != nil && !errors.Is(err, ErrNotFound) {
			return Device{}, err
		}
	}
	if d.Uplink, err = uplink(d.Index); err != nil {
		return Device{}, fmt.Errorf("look for a default route by %s: %w", name, err)
	}
	return d, nil
}

// Named returns the name that the device of an index has now. The error wraps
// [ErrNotFound] if there is none.
func Named(index int) (string, error) {
	d, err := At(index)
	return d.Name, err
}

// At returns the device of an index, as [Devices] would. The error wraps [ErrNotFound] if
// there is none.
func At(index int) (Device, error) {
	header := &nl.IfInfomsg{}
	header.Index = int32(index)
	m, err := get(header)
	if err != nil {
		return Device{}, fmt.Errorf("device of index %d: %w", index, err)
	}
	return deviceOf(m), nil
}

// Devices returns all devices, in the kernel's order.
func Devices() ([]Device, error) {
	devices, err := list()
	if err != nil {
		return nil, fmt.Errorf("list the devices: %w", err)
	}
	return devices, nil
}

// Ports returns the ports of a bridge. The error wraps [ErrNotFound] if there is no
// device of the name.
func Ports(bridge string) ([]Device, error) {
	b, err := Find(bridge)
	if err != nil {
		return nil, err
	}
	devices, err := list(nl.NewRtAttr(unix.IFLA_MASTER, nl.Uint32Attr(uint32(b.Index))))
	if err != nil {
		return nil, fmt.Errorf("list the ports of %s: %w", bridge, err)
	}
	for i := range devices {
		devices[i].Master = bridge
	}
	return devices, nil
}

// Find is [Describe] for what is known of a device at once, but for Uplink and the name
// of Master. The kernel would take an
// alternative name as well, by which neither rules nor settings know the device.
func Find(name string) (Device, error) {
	if name == "" || len(name) >= unix.IFNAMSIZ {
		return Device{}, fmt.Errorf("device %q: %w", name, ErrNotFound)
	}
	m, err := get(&nl.IfInfomsg{}, nl.NewRtAttr(unix.IFLA_IFNAME, nl.ZeroTerminated(name)))
	if err != nil {
		return Device{}, fmt.Errorf("device %s: %w", name, err)
	}
	d := deviceOf(m)
	if d.Name != name {
		return Device{}, fmt.Errorf("%s is an alternative name of device %s: name it so", name, d.Name)
	}
	return d, nil
}

// brief asks the kernel to leave the counters out.
func brief() *nl.RtAttr { return nl.NewRtAttr(unix.IFLA_EXT_MASK, nl.Uint32Attr(skipStats)) }

func get(header *nl.IfInfomsg, which ...nl.NetlinkRequestData) (message, error) {
	parts := append([]nl.NetlinkRequestData{header, brief()}, which...)
	answers, err := request(unix.RTM_GETLINK, 0, unix.RTM_NEWLINK, unix.SizeofIfInfomsg, parts...)
	switch {
	case errors.Is(err, unix.ENODEV):
		return message{}, ErrNotFound
	case err != nil:
		return message{}, err
	case len(answers) == 0:
		return message{}, ErrNotFound
	}
	return answers[0], nil
}

func list(filter ...nl.NetlinkRequestData) ([]Device, error) {
	parts := append([]nl.NetlinkRequestData{&nl.IfInfomsg{}, brief()}, filter...)
	messages, err := dump(unix.RTM_GETLINK, unix.RTM_NEWLINK, unix.SizeofIfInfomsg, parts...)
	if err != nil {
		return nil, err
	}
	devices := make([]Device, 0, len(messages))
	for _, m := range messages {
		devices = append(devices, deviceOf(m))
	}
	return devices, nil
}

// deviceOf reads a message about a device.
func deviceOf(m message) Device {
	header := nl.DeserializeIfInfomsg(m.header)
	d := Device{
		Index:       int(header.Index),
		Name:        m.text(unix.IFLA_IFNAME),
		MAC:         net.HardwareAddr(m.attrs[unix.IFLA_ADDRESS]).String(),
		Up:          header.Flags&unix.IFF_UP != 0,
		MasterIndex: int(m.number(unix.IFLA_MASTER)),
		Peer:        int(m.number(unix.IFLA_LINK)),
		PeerNetns:   -1,
		Settings:    settingsOf(m),
	}
	if _, elsewhere := m.attrs[unix.IFLA_LINK_NETNSID]; elsewhere {
		d.PeerNetns = int(int32(m.number(unix.IFLA_LINK_NETNSID)))
	}
	if info, err := parse(m.attrs[unix.IFLA_LINKINFO], 0); err == nil {
		d.Kind = info.text(nl.IFLA_INFO_KIND)
	}
	d.Bypass = bypass("/sys", d.Kind, m.text(parentBus), m.text(parentName))
	return d
}

// bypass says why a device's packets do not come by. The path by the bus is the same
// in all network namespaces, other than /sys/class/net.
func bypass(sysfs, kind, bus, name string) string {
	switch kind {
	case "macvtap", "macvlan", "ipvtap", "ipvlan":
		return article(kind) + " device"
	}
	if bus != "" && name != "" {
		if _, err := os.Lstat(filepath.Join(sysfs, "bus", bus, "devices", name, "physfn")); err == nil {
			return "an SR-IOV virtual function"
		}
	}
	return ""
}

func article(kind string) string {
	if kind[0] == 'i' {
		return "an " + kind
	}
	return "a " + kind
}
