package link_test

import (
	"fmt"
	"testing"

	"github.com/rolecall/rolecall/network/link"
	"github.com/rolecall/rolecall/network/nettest"
)

func settingsOf(t *testing.T, ns *nettest.Namespace, device string) (s link.Settings) {
	t.Helper()
	try(t, ns, func() (err error) {
		s, err = link.SettingsOf(device)
		return err
	})
	return s
}

// TestADevicesSettingsAreMadeGoodAndComeBack goes through what "all" and the device may
// have. What is in force then is strict nowhere, and loose only where "all" has it so.
func TestADevicesSettingsAreMadeGoodAndComeBack(t *testing.T) {
	host := nettest.New(t)
	guest(t, host, "tap0")
	for _, all := range []string{"0", "1", "2"} {
		for _, own := range []string{"0", "1", "2"} {
			for _, name := range []string{"rp_filter", "arp_ignore", "arp_filter"} {
				if name == "arp_filter" && own == "2" {
					continue
				}
				t.Run(fmt.Sprintf("%s of all %s and of the device %s", name, all, own), func(t *testing.T) {
					host.Sysctl(t, "net/ipv4/conf/all/"+name, all)
					host.Sysctl(t, "net/ipv4/conf/tap0/"+name, own)
					whole, before := state(t, host), settingsOf(t, host, "tap0")
					settle := func(want ...link.Thing) (ops []link.Op) {
						try(t, host, func() error {
							have, err := link.List("tap0", &before)
							if err != nil {
								return err
							}
							ops = link.Plan(have, want)
							return link.Apply(ops)
						})
						return ops
					}
					settle(link.HearGuests("tap0")...)
					s := settingsOf(t, host, "tap0")
					if all == "0" && s.RPFilter != 0 || all == "1" && name == "rp_filter" && s.RPFilter != 2 || s.ARPIgnore == 2 || s.ARPFilter != 0 {
						t.Errorf("the device has %v", s)
					}
					if again := settle(link.HearGuests("tap0")...); len(again) != 0 {
						t.Errorf("a second plan has %v", again)
					}
					settle()
					if left := state(t, host); left != whole {
						t.Errorf("left\n%s\nwas\n%s", left, whole)
					}
					host.Sysctl(t, "net/ipv4/conf/all/"+name, "0")
					host.Sysctl(t, "net/ipv4/conf/tap0/"+name, "0")
				})
			}
		}
	}
}

// TestWhatOthersSetMeanwhileStays is no value of ours, so it is not brought back.
func TestWhatOthersSetMeanwhileStays(t *testing.T) {
	host := nettest.New(t)
	guest(t, host, "tap0")
	converge(t, host, "tap0", false, served("tap0")...)
	host.Sysctl(t, "net/ipv4/conf/tap0/arp_ignore", "1")
	converge(t, host, "tap0", true)
	if s := settingsOf(t, host, "tap0"); s.ARPIgnore != 1 {
		t.Errorf("the device has %v", s)
	}
}

func TestSettingsAreReadAsTheyAreWritten(t *testing.T) {
	want := link.Settings{RPFilter: 2, ARPIgnore: 8, ARPFilter: 1}
	if got, err := link.ParseSettings(want.String()); got != want || err != nil {
		t.Errorf("%q is read as %v, %v", want.String(), got, err)
	}
	if got, err := link.ParseSettings("rp_filter=x"); err == nil {
		t.Errorf("read as %v", got)
	}
}
