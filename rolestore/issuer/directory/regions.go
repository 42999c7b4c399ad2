package directory

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// RegionInactive reports whether an account has switched a region off, so that no
// credentials of it are made there.
func (s *Snapshot) RegionInactive(account, region string) bool {
	return slices.Contains(strings.Fields(noun[accountRecord](s.record(bucketAccount, account)).Inactive), region)
}

// validateRegions checks the regions that the account switches off. The default one
// cannot be (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_enable-regions.html).
func (a AccountDefinition) validateRegions() error {
	seen := map[string]bool{}
	for _, name := range a.InactiveRegions {
		switch {
		case !region.MatchString(name):
			return fmt.Errorf("inactive_regions: %.32q: want names of AWS's form, as eu-central-1", name)
		case name == DefaultRegion:
			return errors.New("inactive_regions: " + DefaultRegion + " is where the global endpoint is, and cannot be switched off")
		case seen[name]:
			return fmt.Errorf("inactive_regions: %s is there twice", name)
		}
		seen[name] = true
	}
	return nil
}

// joinRegions is how a record has them, so that two with the same are equal.
func joinRegions(names []string) string {
	return strings.Join(slices.Sorted(slices.Values(names)), " ")
}
