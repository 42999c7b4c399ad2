package rolestore

// Launch is what an instance is told of itself besides its role: of what EC2's
// RunInstances (https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RunInstances.html)
// decides, what the metadata tree has a place for. Each member is optional, and what is left out
// the instance is not told, but for what EC2 has a default for.
type Launch struct {
	// ImageID is that of an Amazon machine image, such as ami-0a887e401f7654935, and
	// AncestorAMIIDs are those that it was made from.
	ImageID        string   `json:"image_id,omitempty"`
	AncestorAMIIDs []string `json:"ancestor_ami_ids,omitzero"`
	// AMILaunchIndex tells the instances of one reservation apart.
	AMILaunchIndex int    `json:"ami_launch_index,omitempty"`
	ReservationID  string `json:"reservation_id,omitempty"`
	// KernelID and RamdiskID are those of a paravirtual instance.
	KernelID  string `json:"kernel_id,omitempty"`
	RamdiskID string `json:"ramdisk_id,omitempty"`
	// InstanceType is a family and a size, such as m7i.large.
	InstanceType string `json:"instance_type,omitempty"`
	// InstanceLifecycle is spot or, by default, on-demand.
	InstanceLifecycle string `json:"instance_lifecycle,omitempty"`
	// Architecture is one of EC2's, such as x86_64.
	Architecture string `json:"architecture,omitempty"`
	// Hypervisor is nitro or xen.
	Hypervisor string `json:"hypervisor,omitempty"`
	// Monitoring, the detailed one, is enabled or, by default, disabled.
	Monitoring string `json:"monitoring,omitempty"`
	// Hostname is the name that the instance shall have. Without one it has the name
	// that EC2 would give it.
	Hostname string `json:"hostname,omitempty"`
	// PrivateIPv4 and MAC are the addresses of its primary network interface. They are
	// told to the instance alone: it is known by its [Attachment].
	PrivateIPv4 string `json:"private_ipv4,omitempty"`
	MAC         string `json:"mac,omitempty"`
	// SecurityGroups are those of each network interface that has none of its own.
	SecurityGroups []SecurityGroup `json:"security_groups,omitzero"`
	// NetworkInterfaces are all that the instance has, or none: then PrivateIPv4 and MAC
	// are all that it is told of its network. See [Instance.Interfaces].
	NetworkInterfaces []NetworkInterface `json:"network_interfaces,omitzero"`
	// BlockDevices are names of devices by EC2's virtual names, such as ami and ebs1.
	BlockDevices map[string]string `json:"block_devices,omitzero"`
	// ProductCodes are those of what is sold with the image.
	ProductCodes []ProductCode `json:"product_codes,omitzero"`
	// PublicKeys may log in.
	PublicKeys []PublicKey `json:"public_keys,omitzero"`
	// Tags are told to the instance if its [MetadataOptions] say so.
	Tags map[string]string `json:"tags,omitzero"`
}

// PublicKey is what EC2's ImportKeyPair takes.
type PublicKey struct {
	Name string `json:"key_name"`
	// Key is a line of authorized_keys (sshd(8)).
	Key string `json:"public_key"`
}

// ProductCode is EC2's: its type is marketplace or devpay.
type ProductCode struct {
	ID   string `json:"product_code_id"`
	Type string `json:"product_code_type"`
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
