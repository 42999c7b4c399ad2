package cni_test

import (
	"context"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/cmd/rolecall/admin"
	"github.com/rolecall/rolecall/network/nettest"
	"github.com/rolecall/rolecall/rolestore"
)

func TestDELSucceedsWhateverIsGone(t *testing.T) {
	b := newBed(t)
	ns := b.container("veth1", "cni0", "10.0.0.5/24")
	conf := b.conf(made(ns, "", "10.0.0.5/24"))
	b.call(0, "ADD", ns.Path(), conf)
	b.call(0, "DEL", "", b.conf()) // without a namespace and a result
	b.agent.none(t)
	b.call(0, "DEL", ns.Path(), conf)
	b.call(0, "DEL", "/run/netns/gone", b.conf(object{"profile": nil}))
	if a := b.call(0, "DEL", "", b.conf(object{"adminSocket": "/nonexistent/agent.sock"})); !strings.Contains(a.stderr, "ends with its device") {
		t.Errorf("without an agent DEL says %q", a.stderr)
	}
}

func TestDELOfOneContainerLeavesTheOthers(t *testing.T) {
	b := newBed(t)
	ns := b.container("veth1", "cni0", "10.0.0.5/24")
	conf := b.conf(made(ns, "", "10.0.0.5/24"))
	b.call(0, "ADD", ns.Path(), conf)
	b.call(0, "DEL", ns.Path(), conf, "CNI_CONTAINERID=c2")
	b.call(0, "DEL", ns.Path(), conf, "CNI_IFNAME=eth1")
	b.call(0, "DEL", ns.Path(), b.conf(object{"name": "net2"}))
	b.agent.only(t)
}

func TestCHECKFindsWhatIsNotAsItWasAdded(t *testing.T) {
	b := newBed(t)
	ns := b.container("veth1", "cni0", "10.0.0.5/24")
	result := made(ns, "", "10.0.0.5/24")
	conf := b.conf(result)
	b.call(101, "CHECK", ns.Path(), conf).says(t, "has no role")
	b.call(0, "ADD", ns.Path(), conf)
	b.call(0, "CHECK", ns.Path(), conf)
	b.call(11, "CHECK", ns.Path(), b.conf(result, object{"adminSocket": "/nonexistent/agent.sock"})).says(t, "rolecall agent")
	b.call(1, "CHECK", ns.Path(), b.conf(result, object{"cniVersion": "0.3.1"}))

	b.host.Run(t, "ip", "link", "add", "cni1", "type", "bridge")
	b.host.Run(t, "ip", "link", "set", "veth1", "master", "cni1")
	b.call(101, "CHECK", ns.Path(), conf).says(t, "veth1@cni1 now", "veth1@cni0")
	b.host.Run(t, "ip", "link", "set", "veth1", "master", "cni0")
	ns.Run(t, "ip", "addr", "flush", "dev", "eth0")
	ns.Run(t, "ip", "addr", "add", "10.0.0.7/24", "dev", "eth0")
	b.call(7, "CHECK", ns.Path(), conf).says(t, "10.0.0.5")

	ns.Run(t, "ip", "addr", "add", "10.0.0.5/24", "dev", "eth0")
	ns.Run(t, "ip", "addr", "del", "10.0.0.7/24", "dev", "eth0")
	ns.Run(t, "ip", "addr", "replace", "10.0.0.5/24", "dev", "eth0")
	b.call(0, "CHECK", ns.Path(), conf)
	b.agent.change(t, func(i *admin.Instance) { i.RoleARN = "arn:aws:iam::123456789012:role/slow" })
	b.call(11, "CHECK", ns.Path(), b.conf(result, object{"wait": "1ms"})).says(t, "first credentials")
}

func TestGCRemovesWhatOnlyThisNetworkLeftBehind(t *testing.T) {
	b := newBed(t)
	add := func(network, id, device string) string {
		ns := b.container(device, "cni0", "10.0.0.5/24")
		b.call(0, "ADD", ns.Path(), b.conf(made(ns, "", "10.0.0.5/24"), object{"name": network}), "CNI_CONTAINERID="+id)
		for id, d := range b.agent.options {
			if d.Attachment.Port == device {
				return id
			}
		}
		t.Fatalf("%s is not registered", device)
		return ""
	}
	kept, stale, other := add("net1", "c1", "veth1"), add("net1", "c2", "veth2"), add("net2", "c2", "veth3")
	foreign := admin.Document{InstanceID: "i-0123456789abcdef0", Attachment: rolestore.Attachment{Interface: "tap0"}, Profile: admin.Profile{Reference: "web"}}
	// An instance of the operator's that looks like one of the network's, but is of a
	// kind that the plugin never makes.
	named := foreign
	named.InstanceID, named.Attachment.Reattach = stale[:9]+"0123456789", rolestore.ReattachName
	for _, d := range []admin.Document{foreign, named} {
		if _, err := b.agent.Put(context.Background(), d); err != nil {
			t.Fatal(err)
		}
	}
	b.call(0, "GC", "", b.conf(object{"cni.dev/valid-attachments": []object{{"containerID": "c1", "ifname": "eth0"}}}))
	for _, id := range []string{kept, other, foreign.InstanceID, named.InstanceID} {
		if _, ok := b.agent.Instance(id); !ok {
			t.Errorf("instance %s is gone", id)
		}
	}
	if _, ok := b.agent.Instance(stale); ok {
		t.Error("what is stale is still registered")
	}
	b.call(11, "GC", "", b.conf(object{"adminSocket": "/nonexistent/agent.sock"}))
}

func TestSTATUSSaysWhetherAnAgentAnswers(t *testing.T) {
	b := newBed(t)
	b.call(0, "STATUS", "", b.conf())
	b.call(51, "STATUS", "", b.conf(object{"adminSocket": "/nonexistent/agent.sock"})).says(t, "rolecall agent")
}

func TestVERSIONNamesWhatIsSpoken(t *testing.T) {
	b := newBed(t)
	sameJSON(t, b.call(0, "VERSION", "", object{"cniVersion": "1.0.0"}).out,
		object{"cniVersion": "1.1.0", "supportedVersions": []string{"0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"}})
	ns := nettest.New(t)
	b.call(1, "ADD", ns.Path(), b.conf(object{"cniVersion": "0.2.0"}))
	b.call(4, "NONE", ns.Path(), b.conf())
}
