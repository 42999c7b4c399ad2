package tree

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/rolecall/rolecall/rolestore"
)

// identityDocument is the instance identity document
// (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-identity-documents.html),
// from which SDKs take their region. Nobody has signed it: it is worth no more than
// the other leaves.
func identityDocument(i rolestore.Instance) string {
	members := []struct{ name, value string }{
		{"accountId", i.Profile.AccountID()},
		{"architecture", ""},
		{"availabilityZone", i.Placement.AvailabilityZone},
		{"billingProducts", ""},
		{"devpayProductCodes", ""},
		{"imageId", i.ImageID},
		{"instanceId", i.ID},
		{"instanceType", i.InstanceType},
		{"kernelId", ""},
		{"marketplaceProductCodes", ""},
		{"pendingTime", ""},
		{"privateIp", i.PrivateIPv4},
		{"ramdiskId", ""},
		{"region", i.Placement.Region},
		{"version", "2017-09-30"},
	}
	var lines []string
	for _, m := range members {
		value := []byte("null") // as EC2 says that there is none
		if m.value != "" {
			value, _ = json.Marshal(m.value) // a string always encodes
		}
		lines = append(lines, fmt.Sprintf("  %q : %s", m.name, value))
	}
	return "{\n" + strings.Join(lines, ",\n") + "\n}"
}
