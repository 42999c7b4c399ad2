package link

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// settings is where net.ipv4.conf is. Like all of /proc/sys/net it shows the network
// namespace of the thread that opens it.
const settings = "/proc/sys/net/ipv4/conf"

// ReversePath is the sysctl net.ipv4.conf.DEVICE.rp_filter: whether a packet is
// dropped whose source is reached another way (RFC 3704;
// https://docs.kernel.org/networking/ip-sysctl.html). The kernel goes by the larger
// one of the device's and that of "all". Guests on several devices may have the same
// address, so at most one of them would pass the strict filter.
type ReversePath struct {
	// Device is a guest's own: neither lo nor a bridge.
	Device string
	// Value is the setting: 0 is off, 1 strict, 2 loose.
	Value int
	// Was is what it is set to when the thing is removed. [Plan] notes the value that
	// is there. The kernel keeps no mark of ours, so for a device that is ours and 0,
	// [List] puts the value here that new devices get (net.ipv4.conf.default).
	Was int
	// Ours is set by [List].
	Ours bool
}

// AnySource returns the wish that a device takes packets from any source.
func AnySource(device string) Thing { return ReversePath{Device: device} }

// RPFilter returns rp_filter of "all" devices and a device's own; the larger is in
// force. The error wraps [ErrNotFound] where there is no such device.
func RPFilter(device string) (all, own int, err error) {
	if _, err := find(device); err != nil {
		return 0, 0, err
	}
	if all, err = rpFilter("all"); err != nil {
		return 0, 0, err
	}
	own, err = rpFilter(device)
	return all, own, err
}

func rpFilter(device string) (int, error) {
	text, err := os.ReadFile(filepath.Join(settings, device, "rp_filter"))
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(text)))
}

func (r ReversePath) what() what {
	return what{place: ReversePath{Device: r.Device}, content: r.Value, ours: r.Ours}
}

func (r ReversePath) over(have Thing) Thing {
	if h, ok := have.(ReversePath); ok {
		r.Was = h.Value
	}
	return r
}

func (r ReversePath) value(verb Verb) int {
	if verb == Add {
		return r.Value
	}
	return r.Was
}

func (r ReversePath) change(verb Verb) error {
	if _, err := find(r.Device); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(settings, r.Device, "rp_filter"), []byte(strconv.Itoa(r.value(verb))), 0)
}

// command has slashes, as a device's name may have dots (sysctl(8)).
func (r ReversePath) command(verb Verb) string {
	return fmt.Sprintf("sysctl -w net/ipv4/conf/%s/rp_filter=%d", r.Device, r.value(verb))
}
