package rolestore

import (
	"encoding/json"
	"strings"
	"testing"
)

// member is an instance on a bridge.
func member(changes ...func(*Attachment)) Attachment {
	a := Attachment{Bridge: "br0", Port: "veth1", MAC: "02:00:00:00:00:05", Address: "10.0.0.5"}
	for _, change := range changes {
		change(&a)
	}
	return a
}

func TestAttachmentsThatHaveAMeaning(t *testing.T) {
	for _, test := range []struct {
		a            Attachment
		kind, string string
	}{
		{Attachment{Host: true}, "host", "host"},
		{Attachment{Interface: "tap0"}, "interface", "tap0"},
		{Attachment{Interface: "tap-web.5@x%d", Reattach: "name"}, "interface", "tap-web.5@x%d"},
		{Attachment{Interface: "fifteen-bytes-1"}, "interface", "fifteen-bytes-1"},
		{Attachment{Interface: "tap0", Netns: "/run/netns/vm1"}, "interface", "tap0 in /run/netns/vm1"},
		{Attachment{Netns: "/proc/4711/ns/net", Reattach: "name"}, "netns", "/proc/4711/ns/net"},
		{member(), "bridge", "veth1@br0"},
		{member(func(a *Attachment) { a.Reattach = "name" }), "bridge", "veth1@br0"},
		{member(func(a *Attachment) { a.Address, a.IPv6Address = "", "fe80::5" }), "bridge", "veth1@br0"},
		{member(func(a *Attachment) { a.IPv6Address = "fd00::5" }), "bridge", "veth1@br0"},
		{member(func(a *Attachment) { a.MAC = "02-AB-00-00-00-05" }), "bridge", "veth1@br0"},
		{member(func(a *Attachment) { a.Address = "169.254.1.1" }), "bridge", "veth1@br0"},
	} {
		if err := test.a.Validate(); err != nil {
			t.Errorf("%+v: %v", test.a, err)
		}
		if test.a.Kind() != test.kind || test.a.String() != test.string {
			t.Errorf("%+v is of kind %s and called %s", test.a, test.a.Kind(), test.a)
		}
	}
}

func TestAttachmentsThatHaveNone(t *testing.T) {
	for _, test := range []struct {
		a    Attachment
		want string // what the error names
	}{
		{Attachment{}, "want one of host, interface, netns and bridge"},
		{Attachment{Reattach: "name"}, "want one of"},
		{Attachment{Port: "veth1"}, "want one of"},
		{Attachment{Host: true, Interface: "tap0"}, "want one of"},
		{Attachment{Host: true, Netns: "/run/netns/web"}, "want one of"},
		{Attachment{Host: true, Interface: "tap0", Netns: "/run/netns/web"}, "want one of"},
		{member(func(a *Attachment) { a.Interface = "tap0" }), "want one of"},
		{member(func(a *Attachment) { a.Netns = "/run/netns/web" }), "want one of"},
		{Attachment{Host: true, Reattach: "name"}, "leave out reattach"},
		{Attachment{Interface: "tap0", Reattach: "index"}, "attachment.reattach"},
		{Attachment{Netns: "web"}, "attachment.netns"},
		{Attachment{Netns: "../web"}, "attachment.netns"},
		{Attachment{Netns: "/run/netns/web\n"}, "attachment.netns"},
		{Attachment{Netns: "/run/netns/web\x00"}, "attachment.netns"},
		{Attachment{Netns: "/run/netns/\xff"}, "attachment.netns"},
		{Attachment{Interface: "tap0", Port: "veth1"}, "belong to a bridge"},
		{Attachment{Interface: "tap0", Address: "10.0.0.5"}, "belong to a bridge"},
		{Attachment{Netns: "/run/netns/web", IPv6Address: "fd00::5"}, "belong to a bridge"},
		{Attachment{Host: true, MAC: "02:00:00:00:00:05"}, "belong to a bridge"},
		{Attachment{Interface: "sixteen-bytes-16"}, "attachment.interface"},
		{Attachment{Interface: "."}, "attachment.interface"},
		{Attachment{Interface: ".."}, "attachment.interface"},
		{Attachment{Interface: "../all"}, "attachment.interface"},
		{Attachment{Interface: "tap 0"}, "attachment.interface"},
		{Attachment{Interface: "tap0\n"}, "attachment.interface"},
		{Attachment{Interface: "eth0:1"}, "attachment.interface"},
		{Attachment{Interface: "tàp"}, "attachment.interface"},
		{member(func(a *Attachment) { a.Bridge = "br/0" }), "attachment.bridge"},
		{member(func(a *Attachment) { a.Port = "sixteen-bytes-16" }), "attachment.port"},
		{member(func(a *Attachment) { a.Port = "" }), "known by its port"},
		{member(func(a *Attachment) { a.MAC = "" }), "known by its port"},
		{member(func(a *Attachment) { a.Address = "" }), "known by its port"},
		{member(func(a *Attachment) { a.MAC = "02:00:00:00:00" }), "attachment.mac"},
		{member(func(a *Attachment) { a.MAC = "02:00:00:00:00:05:06" }), "attachment.mac"},
		{member(func(a *Attachment) { a.MAC = "02:00:00-00:00:05" }), "attachment.mac"},
		{member(func(a *Attachment) { a.MAC = "02x00x00x00x00x05" }), "attachment.mac"},
		{member(func(a *Attachment) { a.MAC = "02:00:00:00:00:0g" }), "attachment.mac"},
		{member(func(a *Attachment) { a.MAC = "03:00:00:00:00:05" }), "attachment.mac"},
		{member(func(a *Attachment) { a.MAC = "ff:ff:ff:ff:ff:ff" }), "attachment.mac"},
		{member(func(a *Attachment) { a.MAC = "00:00:00:00:00:00" }), "attachment.mac"},
		{member(func(a *Attachment) { a.Address = "10.0.0" }), "attachment.address"},
		{member(func(a *Attachment) { a.Address = "10.0.0.5/24" }), "attachment.address"},
		{member(func(a *Attachment) { a.Address = "fd00::5" }), "attachment.address"},
		{member(func(a *Attachment) { a.Address = "::ffff:10.0.0.5" }), "attachment.address"},
		{member(func(a *Attachment) { a.Address = "0.0.0.0" }), "attachment.address"},
		{member(func(a *Attachment) { a.Address = "127.0.0.1" }), "attachment.address"},
		{member(func(a *Attachment) { a.Address = "224.0.0.1" }), "attachment.address"},
		{member(func(a *Attachment) { a.Address = "255.255.255.255" }), "attachment.address"},
		{member(func(a *Attachment) { a.Address = "169.254.169.254" }), "attachment.address"},
		{member(func(a *Attachment) { a.IPv6Address = "10.0.0.5" }), "attachment.ipv6_address"},
		{member(func(a *Attachment) { a.IPv6Address = "::ffff:10.0.0.5" }), "attachment.ipv6_address"},
		{member(func(a *Attachment) { a.IPv6Address = "fe80::5%eth0" }), "attachment.ipv6_address"},
		{member(func(a *Attachment) { a.IPv6Address = "::" }), "attachment.ipv6_address"},
		{member(func(a *Attachment) { a.IPv6Address = "::1" }), "attachment.ipv6_address"},
		{member(func(a *Attachment) { a.IPv6Address = "ff02::1" }), "attachment.ipv6_address"},
		{member(func(a *Attachment) { a.IPv6Address = "fd00:ec2:0::254" }), "attachment.ipv6_address"},
	} {
		if err := test.a.Validate(); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: %v, want an error about %s", test.a, err, test.want)
		}
	}
}

func TestSpellingsOfOneAttachmentAreTheSame(t *testing.T) {
	want := member(func(a *Attachment) { a.MAC, a.IPv6Address = "02:ab:00:00:00:05", "fd00::5" })
	spelt := member(func(a *Attachment) {
		a.MAC, a.IPv6Address, a.Reattach = "02-AB-00-00-00-05", "FD00:0:0::0005", "name"
	})
	normal := spelt.Normal()
	if normal.Reattach, spelt.Reattach = "", "name"; normal != want {
		t.Errorf("Normal of %+v is %+v, want %+v", spelt, normal, want)
	}
	if !spelt.Same(want) || !want.Same(spelt) {
		t.Errorf("%+v and %+v are not the same", spelt, want)
	}
	if !(Attachment{Netns: "/run//netns/./web/"}).Same(Attachment{Netns: "/run/netns/web"}) {
		t.Error("two spellings of a path are not the same")
	}
	for name, other := range map[string]Attachment{
		"another port":   member(func(a *Attachment) { a.Port = "veth2" }),
		"another bridge": member(func(a *Attachment) { a.Bridge = "br1" }),
		"another MAC":    member(func(a *Attachment) { a.MAC = "02:00:00:00:00:06" }),
		"another IP":     member(func(a *Attachment) { a.Address = "10.0.0.6" }),
		"one more IP":    member(func(a *Attachment) { a.IPv6Address = "fd00::5" }),
		"another kind":   {Interface: "veth1"},
	} {
		if member().Same(other) {
			t.Errorf("%s is the same", name)
		}
	}
}

// FuzzAttachment takes what anyone may put into a definition.
func FuzzAttachment(f *testing.F) {
	for _, a := range []Attachment{{Host: true}, {Interface: "tap0", Netns: "/run//netns/a/../b"}, member(),
		member(func(a *Attachment) {
			a.MAC, a.IPv6Address = "02-AB-00-00-00-05", "FE80:0::5%eth0"
		}), member(func(a *Attachment) { a.Address = "::ffff:10.0.0.5" })} {
		f.Add(a.Host, a.Interface, a.Netns, a.Bridge, a.Port, a.Address, a.IPv6Address, a.MAC, a.Reattach)
	}
	f.Fuzz(func(t *testing.T, host bool, device, netns, bridge, port, address, ipv6, mac, reattach string) {
		a := Attachment{Host: host, Interface: device, Netns: netns, Bridge: bridge, Port: port,
			Address: address, IPv6Address: ipv6, MAC: mac, Reattach: reattach}
		normal := a.Normal()
		if normal.Normal() != normal || !a.Same(normal) || a.Kind() != normal.Kind() {
			t.Errorf("%+v is in normal form %+v, and that %+v", a, normal, normal.Normal())
		}
		before, after := a.Validate(), normal.Validate()
		if (before == nil) != (after == nil) {
			t.Errorf("%+v: %v; in normal form %+v: %v", a, before, normal, after)
		}
		if before != nil {
			return
		}
		if a.String() == "" {
			t.Errorf("%+v has no name", a)
		}
		var read Attachment
		if encoded, err := json.Marshal(a); err != nil || json.Unmarshal(encoded, &read) != nil || read != a {
			t.Errorf("%+v comes back as %+v", a, read)
		}
	})
}
