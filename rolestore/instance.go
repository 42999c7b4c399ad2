package rolestore

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Instance is one machine that the agent serves. The names in JSON and YAML are
// those of EC2's API, in snake case.
type Instance struct {
	// ID is EC2's form, i- and 17 hexadecimal digits.
	ID string `json:"instance_id"`
	// Incarnation tells this life of the id from an earlier one.
	Incarnation Incarnation `json:"incarnation"`
	// PendingTime is when this life of the id began, in whole seconds; zero for one that
	// began before it was noted.
	PendingTime time.Time `json:"pending_time,omitzero"`
	// Profile names the role; the zero profile means that there is none.
	Profile InstanceProfile `json:"iam_instance_profile"`
	// Attachment says by which way the instance's requests arrive.
	Attachment Attachment `json:"attachment"`
	// Options are EC2's MetadataOptions.
	Options MetadataOptions `json:"metadata_options"`
	// Placement says where the instance pretends to run.
	Placement Placement `json:"placement"`
	Launch
	// Containers says how the instance finds its credentials if it is a container.
	Containers ContainerCredentials `json:"container_credentials,omitzero"`
	// Events are what the instance is told of its future. They are not defined with it:
	// see [Events.With].
	Events Events `json:"events,omitzero"`
	// UserData is what the instance's programs are given by its operator.
	UserData []byte `json:"user_data,omitempty"`
}

// Equal reports whether i and other are the same in every member.
func (i Instance) Equal(other Instance) bool { return reflect.DeepEqual(i, other) }

// Incarnation is random, made when an id is first put. It survives restarts and
// updates and ends with the instance, so a session token of an earlier owner of
// the id is worth nothing to the next.
type Incarnation [16]byte

// NewIncarnation returns a random incarnation.
func NewIncarnation() Incarnation {
	var i Incarnation
	_, _ = rand.Read(i[:]) // never fails, see crypto/rand
	return i
}

// MarshalText implements [encoding.TextMarshaler] as hexadecimal digits.
func (i Incarnation) MarshalText() ([]byte, error) {
	return []byte(hex.EncodeToString(i[:])), nil
}

// UnmarshalText implements [encoding.TextUnmarshaler]. A text that is no
// incarnation changes nothing.
func (i *Incarnation) UnmarshalText(text []byte) error {
	decoded, err := hex.DecodeString(string(text))
	if err != nil || len(decoded) != len(i) {
		return fmt.Errorf("incarnation: want %d hexadecimal digits", 2*len(i))
	}
	*i = Incarnation(decoded)
	return nil
}

// MetadataOptions are the options of EC2's InstanceMetadataOptionsRequest
// (https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InstanceMetadataOptionsRequest.html)
// that change what a caller is answered.
type MetadataOptions struct {
	// HTTPEndpoint is "enabled" or "disabled".
	HTTPEndpoint string `json:"http_endpoint"`
	// HTTPTokens is "required" (IMDSv2 alone) or "optional" (IMDSv1 too).
	HTTPTokens string `json:"http_tokens"`
	// HTTPPutResponseHopLimit is how many hops the reply with a session token may go,
	// from 1 to 64. Instances that were stored before it existed have 0, which is 1.
	HTTPPutResponseHopLimit int `json:"http_put_response_hop_limit,omitempty"`
	// HTTPProtocolIPv6 is "enabled" or "disabled": whether the instance is served at
	// fd00:ec2::254 too.
	HTTPProtocolIPv6 string `json:"http_protocol_ipv6"`
	// InstanceMetadataTags is "enabled" or "disabled": whether the instance is told its
	// tags. Instances that were stored before it existed have none, which is disabled.
	InstanceMetadataTags string `json:"instance_metadata_tags,omitempty"`
}

// DefaultMetadataOptions are EC2's defaults for new launches: served at the IPv4
// address, and with session tokens alone, which go one hop. No tags are told.
func DefaultMetadataOptions() MetadataOptions {
	return MetadataOptions{HTTPEndpoint: "enabled", HTTPTokens: "required", HTTPPutResponseHopLimit: 1,
		HTTPProtocolIPv6: "disabled", InstanceMetadataTags: "disabled"}
}

// InstanceProfile is the container of a role that EC2 hands to an instance.
type InstanceProfile struct {
	// ARN is arn:aws:iam::<account>:instance-profile/<path><name>.
	ARN string `json:"arn"`
	// ID begins with AIPA.
	ID string `json:"id"`
	// Role is the profile's one role.
	Role Role `json:"role"`
}

// AccountID is that of the profile's ARN; empty for the zero profile.
func (p InstanceProfile) AccountID() string {
	parts := strings.SplitN(p.ARN, ":", 6)
	if len(parts) < 6 {
		return ""
	}
	return parts[4]
}

// Role is a role as an instance knows it.
type Role struct {
	// ARN is arn:aws:iam::<account>:role/<path><name>.
	ARN string `json:"arn"`
}

// Name is the last element of the ARN: what EC2 lists under
// iam/security-credentials/. It is empty for the zero role.
func (r Role) Name() string { return r.ARN[strings.LastIndexByte(r.ARN, '/')+1:] }

var instanceID = regexp.MustCompile(`^i-[0-9a-f]{17}$`)

// NewInstanceID returns a random instance id.
func NewInstanceID() string {
	var b [9]byte
	_, _ = rand.Read(b[:])
	return "i-" + hex.EncodeToString(b[:])[:17]
}

// Validate reports the first member that EC2 would refuse, by its name.
func (i Instance) Validate() error {
	switch {
	case !instanceID.MatchString(i.ID):
		return fmt.Errorf("instance_id %q: want i- and 17 hexadecimal digits", i.ID)
	case i.Options.HTTPEndpoint != "enabled" && i.Options.HTTPEndpoint != "disabled":
		return fmt.Errorf("metadata_options.http_endpoint %q: want enabled or disabled", i.Options.HTTPEndpoint)
	case i.Options.HTTPTokens != "required" && i.Options.HTTPTokens != "optional":
		return fmt.Errorf("metadata_options.http_tokens %q: want required or optional", i.Options.HTTPTokens)
	case i.Options.HTTPPutResponseHopLimit < 0 || i.Options.HTTPPutResponseHopLimit > 64:
		return fmt.Errorf("metadata_options.http_put_response_hop_limit %d: want 1 to 64", i.Options.HTTPPutResponseHopLimit)
	case i.Options.HTTPProtocolIPv6 != "enabled" && i.Options.HTTPProtocolIPv6 != "disabled":
		return fmt.Errorf("metadata_options.http_protocol_ipv6 %q: want enabled or disabled", i.Options.HTTPProtocolIPv6)
	case !slices.Contains([]string{"", "enabled", "disabled"}, i.Options.InstanceMetadataTags):
		return fmt.Errorf("metadata_options.instance_metadata_tags %q: want enabled or disabled", i.Options.InstanceMetadataTags)
	case i.Profile.ARN != "" && i.Profile.Role.Name() == "":
		return fmt.Errorf("iam_instance_profile %s: want the ARN of its role", i.Profile.ARN)
	case len(i.UserData) > MaxUserData:
		return fmt.Errorf("user_data: it has %d bytes, and EC2 takes %d: have it fetch the rest", len(i.UserData), MaxUserData)
	}
	return cmp.Or(i.Placement.validate(), checkLaunch(i.Launch), checkTags(i.Tags, i.Options.InstanceMetadataTags),
		i.Containers.validate(), i.Attachment.Validate())
}
