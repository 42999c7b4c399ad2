package cni_test

import (
	"encoding/json"
	"net"
	"reflect"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/rolecall/rolecall/cmd/rolecall/admin"
	"github.com/rolecall/rolecall/network/nettest"
	"github.com/rolecall/rolecall/rolestore"
)

func TestAContainerOnABridgeIsRegisteredByItsPortAndAddresses(t *testing.T) {
	b := newBed(t)
	ns := b.container("veth1", "cni0", "10.0.0.5/24", "fd00::5/64")
	b.container("veth2", "cni0", "10.0.0.6/24")
	mac := macOf(t, ns, "eth0")
	conf := b.conf(made(ns, mac, "10.0.0.5/24", "fd00::5/64"))
	a := b.call(0, "ADD", ns.Path(), conf)
	i := b.agent.only(t)
	want := rolestore.Attachment{Bridge: "cni0", Port: "veth1", Address: "10.0.0.5", MAC: mac}
	if d := b.agent.options[i.ID]; d.Profile.Reference != "web" || d.Options != (rolestore.MetadataOptions{}) {
		t.Errorf("registered with %+v, %+v", d.Profile, d.Options)
	}
	sameJSON(t, a.out, conf["prevResult"])
	if i.AttachmentDetails != want {
		t.Errorf("registered at %+v, want %+v", i.AttachmentDetails, want)
	}
	// IPv6 is for those who ask for it.
	b.call(0, "DEL", ns.Path(), conf)
	conf["metadataOptions"] = object{"http_protocol_ipv6": "enabled"}
	b.call(0, "ADD", ns.Path(), conf)
	want.IPv6Address = "fd00::5"
	if got := b.agent.only(t).AttachmentDetails; got != want {
		t.Errorf("registered at %+v, want %+v", got, want)
	}
	b.call(0, "CHECK", ns.Path(), conf)
}

func sameJSON(t *testing.T, got []byte, want any) {
	t.Helper()
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var x, y any
	if err := json.Unmarshal(got, &x); err != nil {
		t.Fatalf("%v: %s", err, got)
	}
	if err := json.Unmarshal(text, &y); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(x, y) {
		t.Errorf("the result is\n%s\nwant\n%s", got, text)
	}
}

func TestEveryVersionsResultPassesThrough(t *testing.T) {
	b := newBed(t)
	ns := b.container("veth1", "cni0", "10.0.0.5/24")
	for _, version := range []string{"0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"} {
		t.Run(version, func(t *testing.T) {
			result := made(ns, macOf(t, ns, "eth0"), "10.0.0.5/24")["prevResult"].(object)
			result["cniVersion"] = version
			result["later"] = object{"members": "are kept"}
			if version < "1" {
				for _, ip := range result["ips"].([]object) {
					ip["version"] = "4"
				}
			}
			conf := b.conf(object{"cniVersion": version, "prevResult": result})
			sameJSON(t, b.call(0, "ADD", ns.Path(), conf).out, result)
			delete(result, "cniVersion") // as plugins of the time before 1.0.0 do
			out := b.call(0, "ADD", ns.Path(), conf).out
			result["cniVersion"] = version
			sameJSON(t, out, result)
			if a := b.agent.only(t).AttachmentDetails; a.Address != "10.0.0.5" {
				t.Errorf("registered at %+v", a)
			}
		})
	}
}

func TestAnAttachmentIsOfTheKindThatItsInterfaceIs(t *testing.T) {
	b := newBed(t)
	ptp := b.container("veth-ptp", "", "10.1.0.5/24")
	none := nettest.New(t)
	macvlan := nettest.New(t)
	b.container("parent", "")
	b.host.Run(t, "ip", "link", "add", "mv0", "link", "parent", "type", "macvlan")
	b.host.Run(t, "ip", "link", "set", "mv0", "netns", macvlan.Path(), "name", "eth0")
	for name, c := range map[string]struct {
		ns     *nettest.Namespace
		result object
		want   rolestore.Attachment
	}{
		"a veth pair without a bridge": {ptp, made(ptp, "", "10.1.0.5/24"), rolestore.Attachment{Interface: "veth-ptp"}},
		"a macvlan":                    {macvlan, made(macvlan, ""), rolestore.Attachment{Netns: macvlan.Path()}},
		"loopback alone":               {none, object{"prevResult": object{"cniVersion": "1.1.0"}}, rolestore.Attachment{Netns: none.Path()}},
	} {
		t.Run(name, func(t *testing.T) {
			b.call(0, "ADD", c.ns.Path(), b.conf(c.result))
			if got := b.agent.only(t).AttachmentDetails; got != c.want {
				t.Errorf("registered at %+v, want %+v", got, c.want)
			}
			b.call(0, "DEL", c.ns.Path(), b.conf(c.result))
		})
	}
}

// A device's number means something in one namespace alone. Here the number that the
// container gives is that of another container's port.
func TestAPeerInAThirdNamespaceIsNotTakenForADeviceOfTheHost(t *testing.T) {
	b := newBed(t)
	b.container("veth1", "cni0", "10.0.0.5/24")
	third, ns := nettest.New(t), nettest.New(t)
	var number string
	b.host.Do(func() {
		i, err := net.InterfaceByName("veth1")
		if err != nil {
			t.Fatal(err)
		}
		number = strconv.Itoa(i.Index)
	})
	third.Run(t, "ip", "link", "add", "far", "index", number, "type", "veth", "peer", "name", "eth0", "netns", ns.Path())
	ns.Run(t, "ip", "addr", "add", "10.0.0.6/24", "dev", "eth0")
	b.call(0, "ADD", ns.Path(), b.conf(made(ns, "", "10.0.0.6/24")))
	if got, want := b.agent.only(t).AttachmentDetails, (rolestore.Attachment{Netns: ns.Path()}); got != want {
		t.Errorf("registered at %+v, want %+v", got, want)
	}
}

func TestAResultThatIsNotWhatIsThereIsRefused(t *testing.T) {
	b := newBed(t)
	ns := b.container("veth1", "cni0", "10.0.0.5/24")
	for name, c := range map[string]struct {
		result object
		code   int
		says   string
	}{
		"another address":      {made(ns, "", "10.0.0.6/24"), 7, "the address 10.0.0.6"},
		"another MAC":          {made(ns, "02:00:00:00:00:99"), 7, "the MAC address 02:00:00:00:00:99"},
		"no MAC at all":        {made(ns, "x"), 7, "the MAC address x"},
		"no result":            {object{}, 7, "such as bridge"},
		"no address":           {made(nettest.New(t), ""), 7, "give the network an ipam"},
		"no such interface":    {made(nettest.New(t), ""), 3, "CNI_IFNAME eth0"},
		"a result of no sense": {object{"prevResult": object{"ips": 7}}, 6, "prevResult"},
	} {
		t.Run(name, func(t *testing.T) {
			where := ns
			if name == "no address" || name == "no such interface" {
				where = nettest.New(t)
			}
			if name == "no address" {
				nettest.Veth(t, nettest.End{Namespace: b.host, Device: "bare"}, nettest.End{Namespace: where, Device: "eth0"})
				b.host.Run(t, "ip", "link", "set", "bare", "master", "cni0")
				where.Sysctl(t, "net/ipv6/conf/eth0/disable_ipv6", "1")
			}
			b.call(c.code, "ADD", where.Path(), b.conf(c.result)).says(t, c.says)
			b.agent.none(t)
		})
	}
}

func TestTheHostsOwnNamespaceIsNoContainer(t *testing.T) {
	b := newBed(t)
	b.container("eth0", "", "10.0.0.5/24")
	b.call(8, "ADD", b.host.Path(), b.conf(made(b.host, "", "10.0.0.5/24"))).says(t, "the host's own namespace")
	b.call(8, "ADD", "/dev/null", b.conf(made(b.host, ""))).says(t, "/dev/null is no network namespace")
	b.agent.none(t)
}

func TestTheRoleIsTheOneNamedForTheContainer(t *testing.T) {
	b := newBed(t)
	ns := b.container("veth1", "cni0", "10.0.0.5/24")
	result := made(ns, "", "10.0.0.5/24")
	runtime := object{"runtimeConfig": object{"rolecall": object{"profile": "web"}}}
	args := object{"args": object{"cni": object{"rolecall": object{"profile": "web"}}}}
	other := object{"args": object{"cni": object{"rolecall": object{"profile": "other"}}}}
	for name, c := range map[string]struct {
		conf object
		env  string
	}{
		"the network's":                          {b.conf(result), ""},
		"CNI_ARGS before the network's":          {b.conf(result, object{"profile": "other"}), "IgnoreUnknown=1;K8S_POD_NAME=x;ROLECALL_PROFILE=web"},
		"args before CNI_ARGS":                   {b.conf(result, args, object{"profile": nil}), "ROLECALL_PROFILE=other"},
		"the capability's before all the others": {b.conf(result, runtime, other, object{"profile": "other"}), "ROLECALL_PROFILE=other"},
	} {
		t.Run(name, func(t *testing.T) {
			b.call(0, "ADD", ns.Path(), c.conf, "CNI_ARGS="+c.env)
			b.call(0, "CHECK", ns.Path(), c.conf, "CNI_ARGS="+c.env)
			b.call(0, "DEL", ns.Path(), c.conf, "CNI_ARGS="+c.env)
			b.agent.none(t)
		})
	}
	full := object{"arn": "arn:aws:iam::123456789012:instance-profile/far", "role": object{"arn": "arn:aws:iam::123456789012:role/far"}}
	b.call(0, "ADD", ns.Path(), b.conf(result, object{"profile": full}))
	if d := b.agent.options[b.agent.only(t).ID]; d.Profile.Full.Role.ARN != "arn:aws:iam::123456789012:role/far" {
		t.Errorf("registered with %+v", d.Profile)
	}
	b.call(4, "ADD", ns.Path(), b.conf(result), "CNI_ARGS=ROLECALL_PROFIL=web").says(t, "ROLECALL_PROFILE=NAME")
}

func TestAContainerThatAsksForNoRoleNeedsNoAgent(t *testing.T) {
	b := newBed(t)
	ns := nettest.New(t)
	conf := b.conf(made(ns, ""), object{"profile": nil, "adminSocket": "/nonexistent/agent.sock"})
	sameJSON(t, b.call(0, "ADD", ns.Path(), conf).out, conf["prevResult"])
	b.call(0, "CHECK", ns.Path(), conf)
	b.call(0, "DEL", ns.Path(), conf)
	b.agent.none(t)
}

func TestWhatFailsIsTakenBackAndSaysWhy(t *testing.T) {
	b := newBed(t)
	ns := b.container("veth1", "cni0", "10.0.0.5/24")
	result := made(ns, "", "10.0.0.5/24")
	for name, c := range map[string]struct {
		conf object
		code int
		says []string
	}{
		"an unknown profile":   {object{"profile": "none"}, 7, []string{"container c1, eth0 on network net1", "profile none", "there is no instance profile none"}},
		"not in time":          {object{"profile": "slow", "wait": "1ms"}, 11, []string{"profile slow", "first credentials"}},
		"no agent":             {object{"adminSocket": "/nonexistent/agent.sock"}, 11, []string{"/nonexistent/agent.sock", "rolecall agent", "adminSocket"}},
		"a wait without sense": {object{"wait": "1h"}, 7, []string{`wait "1h"`, "5m"}},
		"no JSON of ours":      {object{"profile": 7}, 6, []string{"network configuration"}},
	} {
		t.Run(name, func(t *testing.T) {
			a := b.call(c.code, "ADD", ns.Path(), b.conf(result, c.conf))
			a.says(t, c.says...)
			if a.CNIVersion != "1.1.0" {
				t.Errorf("the error is of version %q", a.CNIVersion)
			}
			b.agent.none(t)
		})
	}
}

// A runtime that gives up ends its plugins.
func TestAnADDThatIsEndedLeavesNothing(t *testing.T) {
	b := newBed(t)
	ns := b.container("veth1", "cni0", "10.0.0.5/24")
	cmd, stdout, _ := b.command("ADD", ns.Path(), b.conf(made(ns, "", "10.0.0.5/24"), object{"profile": "slow", "wait": "5m"}))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-b.agent.waiting:
	case <-time.After(patience):
		t.Fatal("the plugin does not wait for the role")
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Errorf("ADD succeeds without a role: %s", stdout)
	}
	b.agent.none(t)
}

func TestAnIDThatAnotherHasIsNotTakenFromIt(t *testing.T) {
	b := newBed(t)
	ns := b.container("veth1", "cni0", "10.0.0.5/24")
	conf := b.conf(made(ns, "", "10.0.0.5/24"))
	b.call(0, "ADD", ns.Path(), conf)
	b.call(0, "ADD", ns.Path(), conf) // the same once more
	b.agent.change(t, func(i *admin.Instance) {
		i.AttachmentDetails.Port, i.Attachment = "other", "other@cni0"
	})
	b.call(100, "ADD", ns.Path(), conf).says(t, "other@cni0 already", "rolecall instance rm")
	if got := b.agent.only(t).AttachmentDetails.Port; got != "other" {
		t.Errorf("the other's instance is now at %s", got)
	}
	b.agent.change(t, func(i *admin.Instance) { i.State = admin.StateEnded })
	b.call(0, "ADD", ns.Path(), conf)
	if got := b.agent.only(t).AttachmentDetails.Port; got != "veth1" {
		t.Errorf("registered at port %s", got)
	}
}
