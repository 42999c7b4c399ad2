package sts

import (
	"regexp"
)

// globalRegion stands for sts.amazonaws.com, whose callers sign for us-east-1.
const globalRegion = "global"

// endpoints are AWS's names for this service
// (https://docs.aws.amazon.com/general/latest/gr/sts.html). A site whose resolver
// points them here serves clients that cannot be told of another.
var endpoints = regexp.MustCompile(`^sts(?:-fips)?\.([a-z]{2}(?:-[a-z]+)+-[0-9]+)\.(?:amazonaws\.com(?:\.cn)?|amazonaws\.eu|api\.aws)$`)

// endpoint returns which region a host name is of, in lower case and without a port; an
// empty region for any other name.
func endpoint(host string) (region string) {
	if host == "sts.amazonaws.com" {
		return globalRegion
	}
	if m := endpoints.FindStringSubmatch(host); m != nil {
		return m[1]
	}
	return ""
}

// regionFits reports whether a caller of that host name may have signed for the region.
// Reached by an address, or a name of its own, the service is every region's.
func regionFits(host, region string) bool {
	switch of := endpoint(host); of {
	case "":
		return region != "" // or no policy could ask for it
	case globalRegion:
		return region == "us-east-1"
	default:
		return region == of
	}
}
