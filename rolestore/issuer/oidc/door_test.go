package oidc

import (
	"errors"
	"testing"
)

// TestWhereProvidersMayBe has addresses in every notation that a resolver or a URL may
// bring, and those that lead to others: mapped, translated, tunnelled.
func TestWhereProvidersMayBe(t *testing.T) {
	for _, c := range []struct {
		address            string
		public, onPremises bool
	}{
		{"93.184.216.34:443", true, true}, {"[2606:2800:220:1::1]:443", true, true},
		{"127.0.0.1:443", false, true}, {"10.1.2.3:443", false, true}, {"172.31.0.1:443", false, true}, {"192.168.0.1:443", false, true},
		{"100.64.0.1:443", false, true}, {"198.18.0.1:443", false, true}, {"[::1]:443", false, true}, {"[fd12::1]:443", false, true},
		{"[::ffff:10.1.2.3]:443", false, true}, {"[64:ff9b::a01:203]:443", false, true}, {"[2002:a01:203::1]:443", false, true},
		{"169.254.169.254:443", false, false}, {"[::ffff:169.254.169.254]:443", false, false}, {"[fe80::1%eth0]:443", false, false},
		{"[fd00:ec2::254]:443", false, false}, {"0.0.0.0:443", false, false}, {"[::]:443", false, false}, {"224.0.0.1:443", false, false},
		{"255.255.255.255:443", false, false}, {"[ff02::1]:443", false, false},
	} {
		if err := reachable(c.address, false); (err == nil) != c.public {
			t.Errorf("%s: %v", c.address, err)
		}
		if err := reachable(c.address, true); (err == nil) != c.onPremises {
			t.Errorf("%s, on premises: %v", c.address, err)
		}
	}
	if err := reachable("10.1.2.3:443", false); !errors.Is(err, errPrivate) {
		t.Errorf("%v does not name the remedy", err)
	}
}
