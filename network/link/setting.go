package link

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// Settings are those sysctls net.ipv4.conf.DEVICE.* by which the kernel may keep a guest
// from reaching us (https://docs.kernel.org/networking/ip-sysctl.html), of one device or
// of "all". What is in force is made of both.
type Settings struct {
	// RPFilter is whether a packet is dropped whose source is reached another way
	// (RFC 3704): 0 is off, 1 strict, 2 loose. The larger one is in force.
	RPFilter int
	// ARPIgnore is for which addresses ARP is answered: 0 for all, 1 for those of the
	// device; see [silent]. The larger one is in force.
	ARPIgnore int
	// ARPFilter is whether ARP is answered only on the device by which the asker is
	// reached. Either one is enough.
	ARPFilter int
}

// sysctl is one of them.
type sysctl struct {
	name   string
	number int // IPV4_DEVCONF_* (linux/ip.h)
	of     func(*Settings) *int
}

var sysctls = []sysctl{
	{"rp_filter", 8, func(s *Settings) *int { return &s.RPFilter }},
	{"arp_ignore", 19, func(s *Settings) *int { return &s.ARPIgnore }},
	{"arp_filter", 13, func(s *Settings) *int { return &s.ARPFilter }},
}

// sysctlNamed returns nil for a name that is none of ours.
func sysctlNamed(name string) *sysctl {
	for i := range sysctls {
		if sysctls[i].name == name {
			return &sysctls[i]
		}
	}
	return nil
}

// recorded is how String writes them.
const recorded = "rp_filter=%d arp_ignore=%d arp_filter=%d"

// String is for the record of who has to bring them back.
func (s Settings) String() string {
	return fmt.Sprintf(recorded, s.RPFilter, s.ARPIgnore, s.ARPFilter)
}

// ParseSettings reads what String wrote.
func ParseSettings(text string) (Settings, error) {
	var s Settings
	if _, err := fmt.Sscanf(text, recorded, &s.RPFilter, &s.ARPIgnore, &s.ARPFilter); err != nil {
		return Settings{}, fmt.Errorf("settings of a device %q: %w", text, err)
	}
	return s, nil
}

// SettingsOf returns those of a device. The error wraps [ErrNotFound] where there is no
// such device.
func SettingsOf(device string) (Settings, error) {
	d, err := Find(device)
	return d.Settings, err
}

// SettingsOfAll returns those of "all".
func SettingsOfAll() (Settings, error) {
	var all Settings
	for _, s := range sysctls {
		// Like all of /proc/sys/net this shows the namespace of the thread that opens it.
		text, err := os.ReadFile(filepath.Join("/proc/sys/net/ipv4/conf/all", s.name))
		if err != nil {
			return Settings{}, err
		}
		if *s.of(&all), err = strconv.Atoi(strings.TrimSpace(string(text))); err != nil {
			return Settings{}, err
		}
	}
	return all, nil
}

// settingsOf reads a message about a device.
func settingsOf(m message) (s Settings) {
	families, err := parse(m.attrs[unix.IFLA_AF_SPEC], 0)
	if err != nil {
		return s
	}
	inet, err := parse(families.attrs[unix.AF_INET], 0)
	if err != nil {
		return s
	}
	values := inet.attrs[unix.IFLA_INET_CONF]
	for _, c := range sysctls {
		if at := 4 * (c.number - 1); len(values) >= at+4 {
			*c.of(&s) = int(int32(nl.NativeEndian().Uint32(values[at:])))
		}
	}
	return s
}

// cured is what a guest's own device has to have, so that a guest of any address is
// heard as far as that can be done there.
func (s Settings) cured(all Settings) Settings {
	switch { // guests on several devices may have one address: strict would take one of them
	case all.RPFilter <= 0:
		s.RPFilter = min(s.RPFilter, 0)
	case all.RPFilter == 1:
		s.RPFilter = max(s.RPFilter, 2)
	}
	if silent(s.ARPIgnore) {
		s.ARPIgnore = 0
	}
	s.ARPFilter = 0
	return s
}

// silent reports an arp_ignore by which ARP for an address of ours on the device is not
// answered: it is in no subnet with the asker (2), and has scope host (3); 8 is for all.
func silent(ignore int) bool { return ignore == 2 || ignore == 3 || ignore == 8 }

// Setting is one of the [Settings] of a guest's own device, which is neither lo nor a
// bridge.
type Setting struct {
	Device string
	// Name is that of the sysctl.
	Name string
	// Value is what it is, or is set to.
	Value int
	// Good is what it has to be. Where it differs, [Plan] has it set.
	Good int
	// Was is what it is set to when the thing is removed. [Plan] notes what is there.
	Was int
	// Ours is set by [List]: it was another before, and we made it what it is.
	Ours bool
}

// HearGuests returns the wishes that the kernel takes what guests of any address send by
// the device, and answers them.
func HearGuests(device string) []Thing {
	var things []Thing
	for _, s := range sysctls {
		things = append(things, Setting{Device: device, Name: s.name})
	}
	return things
}

// settings are those of a guest's own device. The kernel keeps no mark of ours: what
// they were is on record with the caller.
func settings(d Device, before *Settings) ([]Thing, error) {
	all, err := SettingsOfAll()
	if err != nil {
		return nil, err
	}
	own, good := d.Settings, d.Settings.cured(all)
	var things []Thing
	for _, c := range sysctls {
		s := Setting{Device: d.Name, Name: c.name, Value: *c.of(&own), Good: *c.of(&good)}
		s.Was = s.Value
		if before != nil {
			was, set := *before, before.cured(all)
			s.Ours = *c.of(&was) != s.Value && *c.of(&set) == s.Value
			s.Was = *c.of(&was)
		}
		things = append(things, s)
	}
	return things, nil
}

func (s Setting) what() what {
	return what{place: Setting{Device: s.Device, Name: s.Name}, content: s.Value == s.Good, ours: s.Ours}
}

func (s Setting) over(have Thing) Thing {
	if h, ok := have.(Setting); ok {
		s.Value, s.Good, s.Was = h.Good, h.Good, h.Value
	}
	return s
}

func (s Setting) value(verb Verb) int {
	if verb == Add {
		return s.Value
	}
	return s.Was
}

// change goes by rtnetlink, as /proc/sys is read-only in containers and for services
// with ProtectKernelTunables (systemd.exec(5)).
func (s Setting) change(verb Verb) error {
	d, err := Find(s.Device)
	if err != nil {
		return err
	}
	header := &nl.IfInfomsg{}
	header.Index = int32(d.Index)
	spec := nl.NewRtAttr(unix.IFLA_AF_SPEC, nil)
	spec.AddRtAttr(unix.AF_INET, nil).AddRtAttr(unix.IFLA_INET_CONF, nil).
		AddRtAttr(sysctlNamed(s.Name).number, nl.Uint32Attr(uint32(int32(s.value(verb)))))
	return change(unix.RTM_SETLINK, 0, header, spec)
}

// command has slashes, as a device's name may have dots (sysctl(8)).
func (s Setting) command(verb Verb) string {
	return fmt.Sprintf("sysctl -w net/ipv4/conf/%s/%s=%d", s.Device, s.Name, s.value(verb))
}
