package sts

import (
	"regexp"
	"strings"

	"github.com/rolecall/rolecall/rolestore/issuer/query"
)

const (
	// globalRegion stands for sts.amazonaws.com and for sts.<domain>, whose callers sign
	// for homeRegion.
	globalRegion = "global"
	homeRegion   = "us-east-1"
)

// amazons are AWS's names for this service, but for the global one
// (https://docs.aws.amazon.com/general/latest/gr/sts.html). A site whose resolver
// points them here serves clients that cannot be told of another.
var amazons = regexp.MustCompile(`^sts(?:-fips)?\.([a-z]{2}(?:-[a-z]+)+-[0-9]+)\.(?:amazonaws\.com(?:\.cn)?|amazonaws\.eu|api\.aws)$`)

// regionName is the form of AWS's names of regions.
var regionName = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9]+$`)

// endpoint returns which region a host name is of, in lower case and without a port; an
// empty region for any other name. The site's domain, if it has one, has names as AWS's
// are: sts.<domain> and sts.<region>.<domain>.
func (s *Server) endpoint(host string) (region string) {
	own := s.config.Domain
	if host == "sts.amazonaws.com" || own != "" && host == "sts."+own {
		return globalRegion
	}
	if m := amazons.FindStringSubmatch(host); m != nil {
		return m[1]
	}
	if inner, ok := strings.CutSuffix(host, "."+own); ok && own != "" {
		if region, ok = strings.CutPrefix(inner, "sts."); ok && regionName.MatchString(region) {
			return region
		}
	}
	return ""
}

// regionFits reports whether a caller of that host name may have signed for the region.
// Reached by an address, or a name of its own, the service is every region's.
func (s *Server) regionFits(host, region string) bool {
	switch of := s.endpoint(host); of {
	case "":
		return region != "" // or no policy could ask for it
	case globalRegion:
		return region == homeRegion
	default:
		return region == of
	}
}

// region is where a call is made: that of the name that it was made to, or the one that
// was signed for. It is empty for a call without a signature to a name of neither.
func (c *call) region() string {
	switch of := c.endpoint(c.Host); {
	case of == globalRegion:
		return homeRegion
	case of == "" && c.Caller != nil:
		return c.Caller.Region
	default:
		return of
	}
}

// checkRegion refuses to make credentials of an account that has switched the region
// off. What was made elsewhere is good here all the same
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_enable-regions.html).
func (c *call) checkRegion(account string) error {
	if !c.Directory.RegionInactive(account, c.region()) {
		return nil
	}
	return query.Forbidden("RegionDisabledException", "STS is not activated in this region for account:"+account+
		". Your account administrator can activate STS in this region using the IAM Console.")
}
