package cni

import (
	"testing"

	"github.com/containernetworking/cni/pkg/skel"
)

// What a runtime passes may come in part from those who write pods.
func FuzzARuntimesWords(f *testing.F) {
	f.Add(`{"cniVersion":"1.0.0","name":"n","prevResult":{"interfaces":[null,{"name":"eth0","sandbox":"x"}],"ips":[null,{"address":"10.0.0.5/24","interface":1}]}}`, "ROLECALL_PROFILE=web")
	f.Add(`{"cniVersion":"0.3.1","name":"n","prevResult":{"ips":[{"version":"4","address":"10.0.0.5/24","interface":-1},{"version":"4","address":"10.0.0.5/24","interface":9}]}}`, "IgnoreUnknown=1;K8S_POD_NAME=x")
	f.Add(`{"cniVersion":"0.4.0","profile":{"arn":"a"},"wait":"-1s","args":{"cni":{"rolecall":null}}}`, "CommonArgs=1;=;")
	f.Add(`null`, ";")
	f.Fuzz(func(t *testing.T, stdin, args string) {
		c, err := readConfig([]byte(stdin))
		if err != nil {
			return
		}
		if c.wait < 0 || c.wait > maxWait {
			t.Errorf("waits %s", c.wait)
		}
		_, _ = c.profile(&skel.CmdArgs{Args: args})
		if r, err := c.previous(); err == nil {
			claimed(r, "eth0")
		}
	})
}

func TestAnIDIsOfItsNetworkContainerAndInterface(t *testing.T) {
	seen := map[string]bool{}
	for _, parts := range [][3]string{{"n", "c", "eth0"}, {"n", "c", "eth1"}, {"n", "d", "eth0"}, {"m", "c", "eth0"}, {"n", "ce", "th0"}} {
		id := instanceID(parts[0], parts[1], parts[2])
		if len(id) != 19 || seen[id] || id[:9] != networkPrefix(parts[0]) {
			t.Errorf("the id of %v is %s", parts, id)
		}
		seen[id] = true
	}
	if networkPrefix("n") == networkPrefix("m") {
		t.Error("two networks have one prefix")
	}
	if got := instanceID("web", "c1", "eth0"); got != "i-"+digits("web")[:7]+digits("web", "c1", "eth0")[:10] {
		t.Errorf("the id is %s", got)
	}
}
