package rolestore

import (
	"encoding/base64"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// Launch is what an instance is told of itself besides its role: of what EC2's
// RunInstances (https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RunInstances.html)
// decides, what cloud-init asks for. Each member is optional, and what is left out
// the instance is not told.
type Launch struct {
	// ImageID is that of an Amazon machine image, such as ami-0a887e401f7654935.
	ImageID string `json:"image_id,omitempty"`
	// InstanceType is a family and a size, such as m7i.large.
	InstanceType string `json:"instance_type,omitempty"`
	// Hostname is the name that the instance shall have. Without one it has the name
	// that EC2 would give it.
	Hostname string `json:"hostname,omitempty"`
	// PrivateIPv4 and MAC are the addresses of its first network interface. They are
	// told to the instance alone: it is known by its [Attachment].
	PrivateIPv4 string `json:"private_ipv4,omitempty"`
	MAC         string `json:"mac,omitempty"`
	// PublicKeys may log in.
	PublicKeys []PublicKey `json:"public_keys,omitempty"`
}

// PublicKey is what EC2's ImportKeyPair takes.
type PublicKey struct {
	Name string `json:"key_name"`
	// Key is a line of authorized_keys (sshd(8)).
	Key string `json:"public_key"`
}

// MaxUserData is how much user-data EC2 takes, before it is encoded.
const MaxUserData = 16 << 10

// NormalMAC returns an Ethernet address in the spelling of EC2, lower case with colons,
// and what is none as it is.
func NormalMAC(text string) string {
	if mac, ok := parseMAC(text); ok {
		return mac.String()
	}
	return text
}

var (
	imageID      = regexp.MustCompile(`^ami-[0-9a-f]{8,17}$`)
	instanceType = regexp.MustCompile(`^[a-z0-9-]+\.[a-z0-9-]+$`)
	// hostLabel is RFC 1123, section 2.1.
	hostLabel = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$`)
	// keyName is printable ASCII: the name stands in a list of lines.
	keyName = regexp.MustCompile(`^[ -~]{1,255}$`)
)

// checkLaunch is a function, as an [Instance] would inherit a method.
func checkLaunch(l Launch) error {
	switch {
	case l.ImageID != "" && !imageID.MatchString(l.ImageID):
		return fmt.Errorf("image_id %q: want ami- and 8 to 17 hexadecimal digits", l.ImageID)
	case l.InstanceType != "" && !instanceType.MatchString(l.InstanceType):
		return fmt.Errorf("instance_type %q: want a family and a size, as in m7i.large", l.InstanceType)
	case l.Hostname != "" && !isHostname(l.Hostname):
		return fmt.Errorf("hostname %q: want a name as in DNS, of letters, digits, hyphens and dots", l.Hostname)
	}
	if addr, err := netip.ParseAddr(l.PrivateIPv4); l.PrivateIPv4 != "" && (err != nil || !addr.Is4()) {
		return fmt.Errorf("private_ipv4 %q: want an IPv4 address", l.PrivateIPv4)
	}
	if mac, ok := parseMAC(l.MAC); l.MAC != "" && (!ok || !mac.ofOneDevice()) {
		return fmt.Errorf("mac %q: want the Ethernet address of one device, as in 02:00:00:00:00:05", l.MAC)
	}
	for n, k := range l.PublicKeys {
		if !keyName.MatchString(k.Name) {
			return fmt.Errorf("public_keys: key_name %q: want 1 to 255 characters of ASCII", k.Name)
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

// isPublicKey reports whether text is a type, a key in base64 and maybe a comment.
func isPublicKey(text string) bool {
	fields := strings.Fields(text)
	if len(fields) < 2 || strings.ContainsAny(text, "\r\n") {
		return false
	}
	_, err := base64.StdEncoding.DecodeString(fields[1])
	return err == nil
}
