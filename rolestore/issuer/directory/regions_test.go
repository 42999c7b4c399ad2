package directory

import (
	"strings"
	"testing"
)

func TestRegionsThatCannotBeSwitchedOff(t *testing.T) {
	for want, regions := range map[string][]string{
		"": {"eu-west-1", "us-gov-west-1"}, "cannot be switched off": {"us-east-1"}, "names of AWS's form": {"Europe"}, "twice": {"eu-west-1", "eu-west-1"},
	} {
		d := Default(account)
		d.Accounts[0].InactiveRegions = regions
		err := d.Validate()
		if (err != nil) != (want != "") || err != nil && (!strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "inactive_regions")) {
			t.Errorf("%v: %v", regions, err)
		}
	}
}

func TestRegionsAreKept(t *testing.T) {
	p := newPlace(t)
	d := p.open(t)
	definitions := Default(account)
	definitions.builtIn, definitions.Accounts[0].InactiveRegions = false, []string{"eu-west-1", "ap-south-1"}
	reconcile(t, d, definitions, false)
	definitions.Accounts[0].InactiveRegions = []string{"ap-south-1", "eu-west-1"}
	if done := reconcile(t, d, definitions, false); len(done) > 0 {
		t.Errorf("in another order it is said to be changed: %q", done)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	s := p.open(t).Snapshot()
	if !s.RegionInactive(account, "eu-west-1") || !s.RegionInactive(account, "ap-south-1") || s.RegionInactive(account, "us-east-1") || s.RegionInactive(account, "") || s.RegionInactive("999999999999", "eu-west-1") {
		t.Error("it is not as it was before")
	}
}
