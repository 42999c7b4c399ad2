package steer

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"golang.org/x/sys/unix"
)

// tableName is the name of our table in each family.
const tableName = "rolecall"

// The names of sets.
const (
	guarded        = "guarded"         // by name, be they there or not
	guardedIndexes = "guarded_indexes" // of those that are there
	served         = "served"
	placed         = "placed"
	bridges        = "bridges"

	addresses4       = "addresses4" // ours to serve
	addresses6       = "addresses6"
	bridgeAddresses4 = "bridge_addresses4" // the same
	bridgeAddresses6 = "bridge_addresses6"
	deviceAddresses4 = "device_addresses4"
	deviceAddresses6 = "device_addresses6"

	bridgeGuarded        = "bridge_guarded" // the guarded, by which a bridge's port is known
	bridgeGuardedIndexes = "bridge_guarded_indexes"

	ports    = "ports"     // under our rules
	bridgeOf = "bridge_of" // port -> bridge
	macs     = "macs"      // declared somewhere on the bridge
	owners   = "owners"    // declared on the port
	owned4   = "owned4"    // declared somewhere on the bridge
	owned6   = "owned6"    // the same
	members4 = "members4"  // may ask
	members6 = "members6"  // the same

	// That there are these says that we made the table, in whichever version: so a later
	// one may change it, and nobody is asked to take away first what keeps guests from
	// other metadata services. They hold nothing.
	maker       = "made_by_rolecall"
	bridgeMaker = "bridge_made_by_rolecall"
)

// batch is how many elements go into one message: an attribute of netlink holds
// 64 KiB (netlink(7)), and an element of ours at most 170 bytes, with a note.
const batch = 300

func inetTable() *nftables.Table {
	return &nftables.Table{Name: tableName, Family: nftables.TableFamilyINet}
}

func bridgeTable() *nftables.Table {
	return &nftables.Table{Name: tableName, Family: nftables.TableFamilyBridge}
}

func deviceTable() *nftables.Table {
	return &nftables.Table{Name: tableName, Family: nftables.TableFamilyNetdev}
}

// sets are all of ours, in the order of their tables. The library numbers what has
// no number from a counter that goroutines share without a lock, so they have one.
func sets() []*nftables.Set {
	var all []*nftables.Set
	add := func(table *nftables.Table, name string, key ...nftables.SetDatatype) *nftables.Set {
		set := &nftables.Set{
			Table: table, Name: name, ID: uint32(len(all) + 1),
			KeyType: nftables.MustConcatSetType(key...), Concatenation: len(key) > 1,
			KeyByteOrder: binaryutil.NativeEndian,
		}
		if key[0] == nftables.TypeIPAddr || key[0] == nftables.TypeIP6Addr { // or nft shows them backwards
			set.KeyByteOrder = binaryutil.BigEndian
		}
		all = append(all, set)
		return set
	}
	for _, name := range []string{guarded, served, placed, bridges} {
		add(inetTable(), name, nftables.TypeIFName)
	}
	add(inetTable(), addresses4, nftables.TypeIPAddr)
	add(inetTable(), addresses6, nftables.TypeIP6Addr)
	// A packet's priority has the type of a traffic class, and it holds the bridge.
	of, index, mac := nftables.TypeClassID, nftables.TypeIFIndex, nftables.TypeEtherAddr
	bridge := bridgeTable()
	add(bridge, macs, of, mac)
	add(bridge, owners, index, mac)
	add(bridge, owned4, of, nftables.TypeIPAddr)
	add(bridge, owned6, of, nftables.TypeIP6Addr)
	add(bridge, members4, of, index, mac, nftables.TypeIPAddr)
	add(bridge, members6, of, index, mac, nftables.TypeIP6Addr)
	add(bridge, ports, index)
	add(bridge, bridgeAddresses4, nftables.TypeIPAddr)
	add(bridge, bridgeAddresses6, nftables.TypeIP6Addr)
	add(deviceTable(), deviceAddresses4, nftables.TypeIPAddr)
	add(deviceTable(), deviceAddresses6, nftables.TypeIP6Addr)
	add(bridge, bridgeGuarded, nftables.TypeIFName)
	add(inetTable(), maker, nftables.TypeIFName)
	add(bridge, bridgeMaker, nftables.TypeIFName)
	add(inetTable(), guardedIndexes, index)
	add(bridge, bridgeGuardedIndexes, index)
	toBridge := add(bridge, bridgeOf, index)
	toBridge.IsMap, toBridge.DataType = true, of
	return all
}

func setNamed(name string) *nftables.Set {
	all := sets()
	return all[slices.IndexFunc(all, func(s *nftables.Set) bool { return s.Name == name })]
}

// elements are the addresses as the sets of a family hold them.
func (w Way) elements(family nftables.TableFamily) []element {
	versions := map[nftables.TableFamily][2]ip{
		nftables.TableFamilyINet: {inet4, inet6}, nftables.TableFamilyBridge: {bridge4, bridge6}, nftables.TableFamilyNetdev: {device4, device6},
	}[family]
	var all []element
	for _, addr := range w.addresses() {
		of := versions[0]
		if addr.Is6() {
			of = versions[1]
		}
		all = append(all, element{set: of.addresses, key: string(addr.AsSlice())})
	}
	return all
}

// element is one of a set, with a value if the set is a map. The comment is for who
// reads it; no rule does.
type element struct{ set, key, value, comment string }

// add puts elements into their sets. One that is there already is no error, unless
// it has another value (EBUSY).
func add(cc *nftables.Conn, elements []element) error {
	return inBatches(elements, cc.SetAddElements)
}

// remove takes elements out of their sets. It adds them first, as to remove what is
// not there would be an error and undo the whole transaction. Of a map it adds none
// without a value.
func remove(cc *nftables.Conn, elements []element) error {
	whole := slices.DeleteFunc(slices.Clone(elements), func(e element) bool { return e.set == bridgeOf && e.value == "" })
	return errors.Join(
		inBatches(whole, cc.SetAddElements),
		inBatches(elements, cc.SetDeleteElements))
}

// inBatches calls change for each set, with as many elements as a message holds.
func inBatches(elements []element, change func(*nftables.Set, []nftables.SetElement) error) error {
	bySet := map[string][]nftables.SetElement{}
	for _, e := range elements {
		bySet[e.set] = append(bySet[e.set], nftables.SetElement{Key: []byte(e.key), Val: []byte(e.value), Comment: e.comment})
	}
	for _, set := range sets() {
		for some := range slices.Chunk(bySet[set.Name], batch) {
			if err := change(set, some); err != nil {
				return fmt.Errorf("set %s: %w", set.Name, err)
			}
		}
	}
	return nil
}

// list returns what is in the named sets. Where our table is not there, they are
// empty.
func list(names ...string) ([]element, error) {
	cc, done, err := open()
	if err != nil {
		return nil, err
	}
	defer done()
	var found []element
	for _, name := range names {
		set := setNamed(name)
		if _, err := cc.ListTableOfFamily(tableName, set.Table.Family); errors.Is(err, unix.ENOENT) {
			continue
		} else if err != nil {
			return nil, fmt.Errorf("list set %s: %w", name, explain(err))
		}
		elements, err := wholeSet(func() ([]nftables.SetElement, error) {
			elements, err := cc.GetSetElements(set)
			if err != nil {
				return nil, errors.Join(ErrAbsent, err)
			}
			return elements, nil
		})
		if err != nil {
			return nil, fmt.Errorf("list set %s: %w", name, err)
		}
		for _, e := range elements {
			found = append(found, element{name, string(e.Key), string(e.Val), e.Comment})
		}
	}
	return found, nil
}

// errResized is a set that was told in one order and then in another, each time.
var errResized = errors.New("the kernel resizes it all the time")

// wholeSet asks until no element is told twice. Some time after many elements came or went
// the kernel resizes a set, and goes on with a list where the number of those it told
// already is in the new order: for each that it leaves out, it tells another again. It does
// not flag that as it flags a list that others' changes cut short.
func wholeSet(ask func() ([]nftables.SetElement, error)) ([]nftables.SetElement, error) {
	for range listAttempts {
		elements, err := ask()
		if err != nil || !repeats(elements) {
			return elements, err
		}
	}
	return nil, errResized
}

func repeats(elements []nftables.SetElement) bool {
	told := make(map[string]bool, len(elements))
	for _, e := range elements {
		told[string(e.Key)] = true
	}
	return len(told) < len(elements)
}

// ifname is a device's name as the kernel compares it, in 16 bytes.
func ifname(device string) string {
	return string(append([]byte(device), make([]byte, unix.IFNAMSIZ-len(device))...))
}

func fromIfname(key string) string {
	name, _, _ := bytes.Cut([]byte(key), []byte{0})
	return string(name)
}
