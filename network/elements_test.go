package network_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/network"
	"github.com/rolecall/rolecall/network/nettest"
)

// set is one of ours in the kernel, as nft(8) lists it.
type set struct {
	Kind   string // set or map
	Family string `json:"family"`
	Table  string `json:"table"`
	Name   string `json:"name"`
	Elem   []any  `json:"elem"`
}

func (s set) String() string { return s.Family + " " + s.Table + " " + s.Name }

// setsOf are all sets and maps of our name, in the order of their tables.
func setsOf(t *testing.T, ns *nettest.Namespace) (all []set) {
	t.Helper()
	var listed struct{ Nftables []map[string]json.RawMessage }
	if err := json.Unmarshal([]byte(ns.Run(t, "nft", "-j", "list", "ruleset")), &listed); err != nil {
		t.Fatal(err)
	}
	for _, object := range listed.Nftables {
		for _, kind := range []string{"set", "map"} {
			s := set{Kind: kind}
			if text, ok := object[kind]; ok {
				if err := json.Unmarshal(text, &s); err != nil {
					t.Fatal(err)
				}
				all = append(all, s)
			}
		}
	}
	return all
}

// tables are all rules and elements, without counts; elements come in the order of a hash.
func tables(t *testing.T, ns *nettest.Namespace) string {
	t.Helper()
	words := strings.Fields(strings.ReplaceAll(ns.Run(t, "nft", "-s", "list", "ruleset"), ",", " "))
	slices.Sort(words)
	return strings.Join(words, " ")
}

// hooked are the devices of a chain, as nft(8) lists one or many.
var hooked = regexp.MustCompile(`hook ingress devices?(?: =)? (?:"([^"]+)"|\{ ([^}]*) \})`)

// refuseBy are the devices that refuse by themselves.
func refuseBy(t *testing.T, host *nettest.Namespace) (devices []string) {
	t.Helper()
	for _, chain := range hooked.FindAllStringSubmatch(host.Run(t, "nft", "-s", "list", "ruleset"), -1) {
		devices = append(devices, strings.FieldsFunc(chain[1]+chain[2], func(r rune) bool { return r == ',' || r == ' ' })...)
	}
	slices.Sort(devices)
	return devices
}

// refusing waits until so many devices refuse by themselves, which comes a moment later.
func refusing(t *testing.T, host *nettest.Namespace, devices int) {
	t.Helper()
	eventually(t, "the devices refuse by themselves", func() bool { return len(refuseBy(t, host)) == devices })
}

// TestElementsThatOthersRemoveComeBack empties one set after another, in the tables of
// every family.
func TestElementsThatOthersRemoveComeBack(t *testing.T) {
	w := newTown(t, network.Auto)
	refusing(t, w.host, 3)
	before := tables(t, w.host)
	families := map[string]int{}
	for _, s := range setsOf(t, w.host) {
		if strings.HasSuffix(s.Name, "made_by_rolecall") { // that they are there is all that they say
			continue
		}
		if len(s.Elem) == 0 {
			t.Errorf("set %s has nothing to lose", s)
		}
		families[s.Family]++
		counted := w.state.Mended()["tables"]
		w.host.Run(t, "nft", "flush", s.Kind, s.Family, s.Table, s.Name)
		eventually(t, "what was in "+s.String(), func() bool { return w.state.Mended()["tables"] > counted && tables(t, w.host) == before })
	}
	if families["inet"] == 0 || families["bridge"] == 0 || families["netdev"] == 0 {
		t.Errorf("the sets are of %v", families)
	}
	for _, name := range []string{"host", "tap1", "tap2", "port1", "port2", "jailed", "container"} {
		wantTold(t, w.who[name], metadata[0], name)
	}
}

// TestElementsThatOthersPutOrTakeAreNotKept has somebody take single elements, put some
// of his own, and change what an element says. It is told once.
func TestElementsThatOthersPutOrTakeAreNotKept(t *testing.T) {
	host := nettest.New(t)
	newBridge(t, host)
	said := &log{}
	state := configured(t, host, network.Config{Logger: slog.New(slog.NewTextHandler(said, nil))})
	guest := newGuest(t, host, "tap1", "10.9.0.5/24", "fd00::5/64")
	member, a := newMember(t, host, 2)
	attacker, _ := newMember(t, host, 3)
	put(t, state, network.Interface("i-1", "", "tap1", true))
	put(t, state, a)
	refusing(t, host, 2)
	before := tables(t, host)
	var bridge *net.Interface
	host.Do(func() {
		var err error
		if bridge, err = net.InterfaceByName("br0"); err != nil {
			t.Fatal(err)
		}
	})
	class := fmt.Sprintf("0:%x", bridge.Index) // as nft writes what the bridge is known by
	for n, command := range []string{
		"delete element inet rolecall guarded { tap1 }",
		"delete element inet rolecall addresses4 { 169.254.169.254 }",
		"delete element netdev rolecall device_addresses4 { 169.254.169.254 }",
		"add element inet rolecall served { uplink }",
		"add element inet rolecall guarded { other }",
		"add element netdev rolecall device_addresses4 { 192.0.2.1 }",
		"add element bridge rolecall owned4 { " + class + " . 10.0.0.3 }",
		"add element bridge rolecall members4 { " + class + " . p3 . 02:00:00:00:00:03 . 10.0.0.3 }",
		"delete element inet rolecall served { tap1 }; add element inet rolecall served { tap1 comment \"mine\" }",
		"delete table netdev rolecall",
	} {
		host.Run(t, "nft", command)
		eventually(t, "all as before "+command, func() bool { return state.Mended()["tables"] > uint64(n) && tables(t, host) == before })
	}
	if told := said.count("others undid"); told != 1 {
		t.Errorf("it was told %d times", told)
	}
	wantTold(t, guest, metadata[0], "i-1")
	wantTold(t, member, metadata[0], "i-2")
	wantRefusedAnyhow(t, attacker, metadata[0])
}

// TestWhatAnEarlierProcessGuardsIsNobodysToUndo: others change something after a restart,
// before everybody is put again.
func TestWhatAnEarlierProcessGuardsIsNobodysToUndo(t *testing.T) {
	host := nettest.New(t)
	newGuest(t, host, "tap1", "10.9.0.5/24")
	newGuest(t, host, "tap2", "10.9.0.5/24")
	state := open(t, host)
	put(t, state, network.Interface("i-1", "", "tap1", false))
	put(t, state, network.Interface("i-2", "", "tap2", false))
	closeState(t, state, true)
	state = open(t, host)
	put(t, state, network.Interface("i-1", "", "tap1", false))
	guarded := func() string { return host.Run(t, "nft", "list", "set", "inet", "rolecall", "guarded") }
	for n := range 2 {
		host.Run(t, "nft", "delete", "element", "inet", "rolecall", "guarded", "{ tap1, tap2 }")
		eventually(t, "the guard of both", func() bool {
			return state.Mended()["tables"] > uint64(n) && strings.Contains(guarded(), `"tap1"`) && strings.Contains(guarded(), `"tap2"`)
		})
	}
	put(t, state, network.Interface("i-2", "", "tap2", false))
	state.Remove("i-2")
	host.Run(t, "nft", "delete", "element", "inet", "rolecall", "guarded", "{ tap1 }")
	eventually(t, "the guard of one", func() bool { return state.Mended()["tables"] > 2 && strings.Contains(guarded(), `"tap1"`) })
	if strings.Contains(guarded(), `"tap2"`) {
		t.Errorf("the removed one is guarded again:\n%s", guarded())
	}
}
