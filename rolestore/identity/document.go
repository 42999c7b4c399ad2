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
	Architecture       string   `json:"architecture,omitempty"`
	AvailabilityZone   string   `json:"availabilityZone,omitempty"`
	DevpayProductCodes []string `json:"devpayProductCodes,omitempty"`
	ImageID            string   `json:"imageId,omitempty"`
	InstanceType       string   `json:"instanceType,omitempty"`
	KernelID           string   `json:"kernelId,omitempty"`
	// MarketplaceProductCodes are of what AWS Marketplace sells.
	MarketplaceProductCodes []string `json:"marketplaceProductCodes,omitempty"`
	// PendingTime is when the instance was started, in the form of EC2.
	PendingTime string `json:"pendingTime,omitempty"`
	PrivateIP   string `json:"privateIp,omitempty"`
	RamdiskID   string `json:"ramdiskId,omitempty"`
	Region      string `json:"region,omitempty"`
}

// Of is the document of an instance as its host knows it.
func Of(i rolestore.Instance) Document {
	d := Document{
		Vouched: Vouched{AccountID: i.Profile.AccountID(), InstanceID: i.ID},
		Declared: Declared{
			Architecture: i.Architecture, AvailabilityZone: i.Placement.AvailabilityZone, ImageID: i.ImageID, InstanceType: i.InstanceType,
			KernelID: i.KernelID, PrivateIP: i.PrivateIPv4, RamdiskID: i.RamdiskID, Region: i.Placement.Region,
		},
	}
	for _, c := range i.ProductCodes {
		codes := &d.MarketplaceProductCodes
		if c.Type == "devpay" {
			codes = &d.DevpayProductCodes
		}
		*codes = append(*codes, c.ID)
	}
	if !i.PendingTime.IsZero() {
		d.PendingTime = i.PendingTime.UTC().Format(time.RFC3339)
	}
	return d
}

// Same reports whether the documents of two instances say the same.
func Same(a, b rolestore.Instance) bool { return Of(a).Text() == Of(b).Text() }

// version is that of the form. Members were added since without a change of it.
const version = "2017-09-30"

// members are all that EC2's documents have, in their order. Those that nothing here
// knows are null.
func (d Document) members() []member {
	return []member{
		text("accountId", d.AccountID),
		text("architecture", d.Architecture),
		text("availabilityZone", d.AvailabilityZone),
		{name: "billingProducts"},
		{"devpayProductCodes", d.DevpayProductCodes, true},
		text("imageId", d.ImageID),
		text("instanceId", d.InstanceID),
		text("instanceType", d.InstanceType),
		text("kernelId", d.KernelID),
		{"marketplaceProductCodes", d.MarketplaceProductCodes, true},
		text("pendingTime", d.PendingTime),
		text("privateIp", d.PrivateIP),
		text("ramdiskId", d.RamdiskID),
		text("region", d.Region),
		text("version", version),
	}
}

// member has one value, or is a list of some.
type member struct {
	name   string
	values []string
	list   bool
}

func text(name, value string) member {
	if value == "" {
		return member{name: name}
	}
	return member{name: name, values: []string{value}}
}

// value is the member's in JSON, on one line as EC2 has it.
func (m member) value() string {
	if len(m.values) == 0 {
		return "null"
	}
	var all []string
	for _, v := range m.values {
		encoded, _ := json.Marshal(v) // a string always encodes
		all = append(all, string(encoded))
	}
	if m.list {
		return "[ " + strings.Join(all, ", ") + " ]"
	}
	return all[0]
}

// Text is the document itself.
func (d Document) Text() string {
	var lines []string
	for _, m := range d.members() {
		lines = append(lines, fmt.Sprintf("  %q : %s", m.name, m.value()))
	}
	return "{\n" + strings.Join(lines, ",\n") + "\n}"
}

// longest is more than any value of EC2's has, in bytes, and mostValues more than any
// list.
const (
	longest    = 64
	mostValues = 16
)

// Validate reports the first member that is not of a form that EC2's could have.
func (d Declared) Validate() error {
	for _, m := range (Document{Declared: d}).members() {
		if len(m.values) > mostValues {
			return fmt.Errorf("%s: want at most %d", m.name, mostValues)
		}
		for _, value := range m.values {
			odd := func(r rune) bool { return r <= ' ' || r > '~' }
			if len(value) > longest || strings.ContainsFunc(value, odd) {
				return fmt.Errorf("%s: want at most %d characters of ASCII without spaces", m.name, longest)
			}
		}
	}
	return nil
}

// IsVouched reports whether the member of that name is one of [Vouched].
func IsVouched(name string) bool { return name == "accountId" || name == "instanceId" }
