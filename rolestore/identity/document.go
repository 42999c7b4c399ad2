package identity

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/rolecall/rolecall/rolestore"
)

// Document is what an instance identity document says. An empty member is null in it,
// as EC2 says that there is none.
type Document struct {
	Vouched
	Declared
}

// Vouched are the members that the core knows by itself.
type Vouched struct {
	AccountID  string `json:"accountId"`
	InstanceID string `json:"instanceId"`
}

// Declared are the members that the host says of its own instance.
type Declared struct {
	AvailabilityZone string `json:"availabilityZone,omitempty"`
	ImageID          string `json:"imageId,omitempty"`
	InstanceType     string `json:"instanceType,omitempty"`
	// PendingTime is when the instance was started, in the form of EC2.
	PendingTime string `json:"pendingTime,omitempty"`
	PrivateIP   string `json:"privateIp,omitempty"`
	Region      string `json:"region,omitempty"`
}

// Of is the document of an instance as its host knows it.
func Of(i rolestore.Instance) Document {
	d := Document{
		Vouched: Vouched{AccountID: i.Profile.AccountID(), InstanceID: i.ID},
		Declared: Declared{
			AvailabilityZone: i.Placement.AvailabilityZone, ImageID: i.ImageID, InstanceType: i.InstanceType,
			PrivateIP: i.PrivateIPv4, Region: i.Placement.Region,
		},
	}
	if !i.PendingTime.IsZero() {
		d.PendingTime = i.PendingTime.UTC().Format(time.RFC3339)
	}
	return d
}

// version is that of the form. Members were added since without a change of it.
const version = "2017-09-30"

// members are all that EC2's documents have, in their order. Those that nothing here
// knows are null.
func (d Document) members() []member {
	return []member{
		{"accountId", d.AccountID},
		{"architecture", ""},
		{"availabilityZone", d.AvailabilityZone},
		{"billingProducts", ""},
		{"devpayProductCodes", ""},
		{"imageId", d.ImageID},
		{"instanceId", d.InstanceID},
		{"instanceType", d.InstanceType},
		{"kernelId", ""},
		{"marketplaceProductCodes", ""},
		{"pendingTime", d.PendingTime},
		{"privateIp", d.PrivateIP},
		{"ramdiskId", ""},
		{"region", d.Region},
		{"version", version},
	}
}

type member struct{ name, value string }

// Text is the document itself.
func (d Document) Text() string {
	var lines []string
	for _, m := range d.members() {
		value := []byte("null")
		if m.value != "" {
			value, _ = json.Marshal(m.value) // a string always encodes
		}
		lines = append(lines, fmt.Sprintf("  %q : %s", m.name, value))
	}
	return "{\n" + strings.Join(lines, ",\n") + "\n}"
}

// longest is more than any value of EC2's has, in bytes.
const longest = 64

// Validate reports the first member that is not of a form that EC2's could have.
func (d Declared) Validate() error {
	for _, m := range (Document{Declared: d}).members() {
		odd := func(r rune) bool { return r <= ' ' || r > '~' }
		if len(m.value) > longest || strings.ContainsFunc(m.value, odd) {
			return fmt.Errorf("%s: want at most %d characters of ASCII without spaces", m.name, longest)
		}
	}
	return nil
}

// IsVouched reports whether the member of that name is one of [Vouched].
func IsVouched(name string) bool { return name == "accountId" || name == "instanceId" }
