package sts

import (
	"regexp"
	"strings"
)

// globalRegion stands for sts.amazonaws.com, whose callers sign for us-east-1.
const globalRegion = "global"

// endpoints are AWS's names for this service
// (https://docs.aws.amazon.com/general/latest/gr/sts.html). A site whose resolver
// points them here serves clients that cannot be told of another.
var endpoints = regexp.MustCompile(`^sts(?:-fips)?\.([a-z]{2}(?:-[a-z]+)+-[0-9]+)\.(?:amazonaws\.com(?:\.cn)?|amazonaws\.eu|api\.aws)$`)

// endpoint returns the name in a Host header in lower case, and which region it is
// of; an empty region for any other name.
func endpoint(host string) (name, region string) {
	name, _, _ = strings.Cut(strings.ToLower(host), ":")
	if name == "sts.amazonaws.com" {
		return name, globalRegion
	}
	if m := endpoints.FindStringSubmatch(name); m != nil {
		return name, m[1]
	}
	return name, ""
}

// regionFits reports whether a caller may have signed for the region. Reached by an
// address, or a name of its own, the service is every region's.
func (r *request) regionFits(region string) bool {
	switch r.region {
	case "":
		return region != "" // or no policy could ask for it
	case globalRegion:
		return region == "us-east-1"
	}
	return region == r.region
}
