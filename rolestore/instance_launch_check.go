package rolestore

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

var (
	imageID       = regexp.MustCompile(`^ami-[0-9a-f]{8,17}$`)
	kernelID      = regexp.MustCompile(`^aki-[0-9a-f]{8,17}$`)
	ramdiskID     = regexp.MustCompile(`^ari-[0-9a-f]{8,17}$`)
	reservationID = regexp.MustCompile(`^r-[0-9a-f]{8,17}$`)
	instanceType  = regexp.MustCompile(`^[a-z0-9-]{1,40}\.[a-z0-9-]{1,20}$`)
	productCode   = regexp.MustCompile(`^[A-Za-z0-9]{1,64}$`)
	// hostLabel is RFC 1123, section 2.1.
	hostLabel = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$`)
	// keyName is printable ASCII, as EC2 has it for names: they stand in lists of lines.
	keyName = regexp.MustCompile(`^[!-~]([ -~]{0,253}[!-~])?$`)
	// virtualName is what a block device is to EC2, and deviceName what it is to the
	// kernel, with its directory or without.
	virtualName = regexp.MustCompile(`^(ami|root|swap|ebs[0-9]{1,3}|ephemeral[0-9]{1,3})$`)
	deviceName  = regexp.MustCompile(`^[A-Za-z0-9_/-]{1,64}$`)
)

// architectures are EC2's ArchitectureType.
var architectures = []string{"i386", "x86_64", "arm64", "x86_64_mac", "arm64_mac"}

// checkLaunch is a function, as an [Instance] would inherit a method.
func checkLaunch(l Launch) error {
	for _, id := range l.AncestorAMIIDs {
		if !imageID.MatchString(id) {
			return fmt.Errorf("ancestor_ami_ids: %q: want ami- and 8 to 17 hexadecimal digits", id)
		}
	}
	switch {
	case l.AMILaunchIndex < 0:
		return fmt.Errorf("ami_launch_index %d: want 0 for the first instance of its reservation, 1 for the next", l.AMILaunchIndex)
	case l.InstanceType != "" && !instanceType.MatchString(l.InstanceType):
		return fmt.Errorf("instance_type %q: want a family and a size, as in m7i.large", l.InstanceType)
	case l.Hostname != "" && !isHostname(l.Hostname):
		return fmt.Errorf("hostname %q: want a name as in DNS, of letters, digits, hyphens and dots", l.Hostname)
	}
	if err := checkNetwork(l); err != nil {
		return err // of the interface that an address of the next two may be from
	}
	if addr, err := netip.ParseAddr(l.PrivateIPv4); l.PrivateIPv4 != "" && (err != nil || !addr.Is4()) {
		return fmt.Errorf("private_ipv4 %q: want an IPv4 address", l.PrivateIPv4)
	}
	if mac, ok := parseMAC(l.MAC); l.MAC != "" && (!ok || !mac.ofOneDevice()) {
		return fmt.Errorf("mac %q: want the Ethernet address of one device, as in 02:00:00:00:00:05", l.MAC)
	}
	return cmp.Or(
		wantID("image_id", l.ImageID, imageID, "ami"),
		wantID("reservation_id", l.ReservationID, reservationID, "r"),
		wantID("kernel_id", l.KernelID, kernelID, "aki"),
		wantID("ramdisk_id", l.RamdiskID, ramdiskID, "ari"),
		oneOfOrNone("instance_lifecycle", l.InstanceLifecycle, "on-demand", "spot"),
		oneOfOrNone("architecture", l.Architecture, architectures...),
		oneOfOrNone("hypervisor", l.Hypervisor, "nitro", "xen"),
		oneOfOrNone("monitoring", l.Monitoring, "enabled", "disabled"),
		checkBlockDevices(l.BlockDevices),
		checkProductCodes(l.ProductCodes),
		checkPublicKeys(l.PublicKeys),
		checkGroups("security_groups", l.SecurityGroups),
	)
}

// wantID reports an id that is not of EC2's form.
func wantID(member, id string, form *regexp.Regexp, prefix string) error {
	if id == "" || form.MatchString(id) {
		return nil
	}
	return fmt.Errorf("%s %q: want %s- and 8 to 17 hexadecimal digits", member, id, prefix)
}

// oneOfOrNone is [oneOf] of what may be left out.
func oneOfOrNone(member, value string, allowed ...string) error {
	if value == "" {
		return nil
	}
	return oneOf(member, value, allowed)
}

func checkBlockDevices(devices map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(devices)) { // the same error each time
		if !virtualName.MatchString(name) {
			return fmt.Errorf("block_devices: %q: want ami, root, swap, or ebs or ephemeral and a number", name)
		}
		if device := devices[name]; !deviceName.MatchString(device) {
			return fmt.Errorf("block_devices.%s %q: want a device, as in /dev/xvda or sdb", name, device)
		}
	}
	return nil
}

// maxProductCodes is more than any image has: they stand in a document that is signed.
const maxProductCodes = 16

func checkProductCodes(codes []ProductCode) error {
	if len(codes) > maxProductCodes {
		return fmt.Errorf("product_codes: there are %d: want at most %d", len(codes), maxProductCodes)
	}
	for _, c := range codes {
		if !productCode.MatchString(c.ID) {
			return fmt.Errorf("product_codes: product_code_id %q: want 1 to 64 letters and digits", c.ID)
		}
		if err := oneOf("product_codes: product_code_type", c.Type, []string{"marketplace", "devpay"}); err != nil {
			return err
		}
	}
	return nil
}

// checkPublicKeys refuses names that end with a slash, too: cloud-init takes one in a
// list for a directory, and drops all metadata as it is none.
func checkPublicKeys(keys []PublicKey) error {
	for n, k := range keys {
		if !keyName.MatchString(k.Name) || strings.HasSuffix(k.Name, "/") {
			return fmt.Errorf("public_keys: key_name %q: want 1 to 255 characters of ASCII, and no space or slash at the end", k.Name)
		}
		if !isPublicKey(k.Key) {
			return fmt.Errorf("public_keys: public_key of number %d, %s: want one line as in authorized_keys, such as ssh-ed25519 AAAA... name", n, k.Name)
		}
	}
	return nil
}

func isHostname(name string) bool {
	return len(name) <= 253 && !slices.ContainsFunc(strings.Split(name, "."), func(label string) bool {
		return !hostLabel.MatchString(label)
	})
}

// maxPublicKey is more than the longest key that EC2 takes has, in bytes.
const maxPublicKey = 8 << 10

// isPublicKey reports whether text is a type, a key in base64 and maybe a comment.
func isPublicKey(text string) bool {
	fields := strings.Fields(text)
	if len(fields) < 2 || len(text) > maxPublicKey || strings.ContainsAny(text, "\r\n") {
		return false
	}
	_, err := base64.StdEncoding.DecodeString(fields[1])
	return err == nil
}
