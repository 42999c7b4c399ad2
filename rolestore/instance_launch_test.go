package rolestore

import (
	"slices"
	"strings"
	"testing"
)

func launch() Launch {
	return Launch{
		ImageID: "ami-0a887e401f7654935", InstanceType: "m7i.large", Hostname: "web.example.com", PrivateIPv4: "10.0.0.5",
		AncestorAMIIDs: []string{"ami-11111111"}, AMILaunchIndex: 2, ReservationID: "r-046cb3eca3e201d2f", KernelID: "aki-5c21674b", RamdiskID: "ari-01bb5768",
		InstanceLifecycle: "spot", Architecture: "arm64", Hypervisor: "nitro", Monitoring: "enabled",
		SecurityGroups: []SecurityGroup{{"sg-11111111", "default"}}, BlockDevices: map[string]string{"ami": "/dev/xvda", "ebs1": "sdb"},
		ProductCodes: []ProductCode{{"abc123", "marketplace"}}, Tags: map[string]string{"Name": "web"},
		MAC: "06:00:00:00:00:01", PublicKeys: []PublicKey{{"web", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 somebody@example.com"}},
	}
}

func TestWhatAnInstanceMayBeTold(t *testing.T) {
	for name, change := range map[string]func(*Launch){
		"everything":                func(*Launch) {},
		"nothing":                   func(l *Launch) { *l = Launch{} },
		"an old image":              func(l *Launch) { l.ImageID = "ami-12345678" },
		"a type with hyphens":       func(l *Launch) { l.InstanceType = "u-6tb1.metal" },
		"a host name without a dot": func(l *Launch) { l.Hostname = "Web-1" },
		"a MAC address of Windows":  func(l *Launch) { l.MAC = "06-00-00-00-00-AB" },
		"keys of the same name":     func(l *Launch) { l.PublicKeys = append(l.PublicKeys, l.PublicKeys...) },
		"a key without a comment":   func(l *Launch) { l.PublicKeys[0].Key = "ssh-rsa AAAA" },
	} {
		i := web()
		i.Launch = launch()
		change(&i.Launch)
		if err := i.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := NormalMAC("06-00-00-00-00-AB"); got != "06:00:00:00:00:ab" {
		t.Errorf("the MAC address is %s", got)
	}
}

// A newline in a leaf makes a list of it, for cloud-init, and two lines of an entry.
func TestWhatAnInstanceMayNotBeTold(t *testing.T) {
	key := func(name, key string) func(*Launch) {
		return func(l *Launch) { l.PublicKeys = append(l.PublicKeys, PublicKey{name, key}) }
	}
	for _, test := range []struct {
		name   string
		change func(*Launch)
		want   string // the member at fault
	}{
		{"an image by name", func(l *Launch) { l.ImageID = "debian-12" }, "image_id"},
		{"an image with a line after it", func(l *Launch) { l.ImageID += "\n" }, "image_id"},
		{"a size alone", func(l *Launch) { l.InstanceType = "large" }, "instance_type"},
		{"a type with a line after it", func(l *Launch) { l.InstanceType += "\n" }, "instance_type"},
		{"a host name with a space", func(l *Launch) { l.Hostname = "a b" }, "hostname"},
		{"a host name with a line after it", func(l *Launch) { l.Hostname = "a\n" }, "hostname"},
		{"a host name with an empty label", func(l *Launch) { l.Hostname = "a..b" }, "hostname"},
		{"a host name with a hyphen first", func(l *Launch) { l.Hostname = "-a" }, "hostname"},
		{"a long host name", func(l *Launch) { l.Hostname = strings.Repeat("a.", 127) + "a" }, "hostname"},
		{"an IPv6 address", func(l *Launch) { l.PrivateIPv4 = "fd00::5" }, "private_ipv4"},
		{"a network", func(l *Launch) { l.PrivateIPv4 = "10.0.0.0/24" }, "private_ipv4"},
		{"no MAC address", func(l *Launch) { l.MAC = "eth0" }, "mac"},
		{"the MAC address of a group", func(l *Launch) { l.MAC = "ff:ff:ff:ff:ff:ff" }, "mac"},
		{"a key without a name", key("", "ssh-rsa AAAA"), "public_keys: key_name"},
		{"a key with two lines of name", key("a\nb", "ssh-rsa AAAA"), "public_keys: key_name"},
		{"a key of two lines", key("a", "ssh-rsa AAAA\nssh-rsa BBBB"), "public_keys: public_key of number 1, a"},
		{"a private key", key("a", "-----BEGIN OPENSSH PRIVATE KEY-----"), "public_keys: public_key"},
		{"a key whose name is a directory to cloud-init", key("web/", "ssh-rsa AAAA"), "public_keys: key_name"},
		{"a key with a space at its end", key("web ", "ssh-rsa AAAA"), "public_keys: key_name"},
		{"a key that is too long", key("a", "ssh-rsa "+strings.Repeat("AAAA", 2<<10)), "public_keys: public_key"},
		{"an ancestor by name", func(l *Launch) { l.AncestorAMIIDs = append(l.AncestorAMIIDs, "debian") }, `ancestor_ami_ids: "debian"`},
		{"an index below the first", func(l *Launch) { l.AMILaunchIndex = -1 }, "ami_launch_index"},
		{"no reservation", func(l *Launch) { l.ReservationID = "r-" }, "reservation_id"},
		{"a kernel's version", func(l *Launch) { l.KernelID = "6.1" }, "kernel_id"},
		{"a RAM disk of capitals", func(l *Launch) { l.RamdiskID = "ari-01BB5768" }, "ramdisk_id"},
		{"an unknown life cycle", func(l *Launch) { l.InstanceLifecycle = "reserved" }, "instance_lifecycle"},
		{"an unknown architecture", func(l *Launch) { l.Architecture = "amd64" }, "architecture"},
		{"an unknown hypervisor", func(l *Launch) { l.Hypervisor = "kvm" }, "hypervisor"},
		{"monitoring on", func(l *Launch) { l.Monitoring = "on" }, "monitoring"},
		{"a block device of no virtual name", func(l *Launch) { l.BlockDevices["sda"] = "/dev/sda" }, `block_devices: "sda"`},
		{"a block device without a number", func(l *Launch) { l.BlockDevices["ebs"] = "/dev/sda" }, `block_devices: "ebs"`},
		{"a block device of nothing", func(l *Launch) { l.BlockDevices["root"] = "" }, "block_devices.root"},
		{"a block device with a line after it", func(l *Launch) { l.BlockDevices["root"] = "sda\n" }, "block_devices.root"},
		{"no product code", func(l *Launch) { l.ProductCodes[0].ID = "a b" }, "product_codes: product_code_id"},
		{"a product code of no type", func(l *Launch) { l.ProductCodes[0].Type = "" }, "product_codes: product_code_type"},
		{"more product codes than any image has", func(l *Launch) { l.ProductCodes = slices.Repeat(l.ProductCodes, 17) }, "product_codes"},
		{"a security group without an id", func(l *Launch) { l.SecurityGroups[0].ID = "" }, "security_groups: group_id"},
		{"a security group without a name", func(l *Launch) { l.SecurityGroups[0].Name = "" }, "security_groups: group_name"},
		{"a type alone", key("a", "ssh-rsa"), "public_keys: public_key"},
	} {
		t.Run(test.name, func(t *testing.T) {
			i := web()
			i.Launch = launch()
			test.change(&i.Launch)
			err := i.Validate()
			if err == nil || !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("Validate: %v, want an error about %s", err, test.want)
			}
			if err != nil && strings.Contains(err.Error(), "PRIVATE") {
				t.Errorf("%v shows the key", err)
			}
		})
	}
}

func TestTheAccountOfAProfile(t *testing.T) {
	for arn, want := range map[string]string{
		"": "", "web": "", "arn:aws:iam::123456789012:instance-profile/a:b": "123456789012",
	} {
		if got := (InstanceProfile{ARN: arn}).AccountID(); got != want {
			t.Errorf("the account of %q is %q, want %q", arn, got, want)
		}
	}
}
