package verdict

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"slices"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// attempts is how often the rules are read while others change them.
const attempts = 10

// errChanging is returned when they changed every time.
var errChanging = errors.New("the nftables rules change all the time: try again")

// Ruleset is all rules of a network namespace at one time.
type Ruleset struct {
	chains  map[chainID]*chain
	base    []*chain // by priority
	sets    map[setID]*set
	indices map[string]int // of the devices
}

// table is one by family and name.
type table struct {
	family byte
	name   string
}

type chainID struct {
	table
	name string
}

type setID struct {
	table
	name string
}

// Read returns the rules of the calling thread's network namespace. It needs
// CAP_NET_ADMIN there.
func Read() (*Ruleset, error) {
	socket, err := netlink.Dial(unix.NETLINK_NETFILTER, nil)
	if err != nil {
		return nil, fmt.Errorf("open a netlink socket for nf_tables: %w", err)
	}
	defer func() { _ = socket.Close() }()
	for range attempts {
		before, err := generation(socket)
		if err != nil {
			return nil, fmt.Errorf("read the nftables rules: %w", err)
		}
		rules, err := read(socket)
		after, failed := generation(socket)
		if failed == nil && string(before) != string(after) {
			continue // and an error would be that something is gone by now
		}
		if err = cmp.Or(err, failed); err != nil {
			return nil, fmt.Errorf("read the nftables rules: %w", err)
		}
		return rules, nil
	}
	return nil, errChanging
}

// generation returns what the kernel changes with every transaction.
func generation(socket *netlink.Conn) ([]byte, error) {
	messages, err := ask(socket, unix.NFT_MSG_GETGEN, 0, nil)
	if err != nil || len(messages) == 0 {
		return nil, err
	}
	return messages[0].fields[unix.NFTA_GEN_ID], nil
}

func read(socket *netlink.Conn) (*Ruleset, error) {
	r := &Ruleset{chains: map[chainID]*chain{}, sets: map[setID]*set{}, indices: map[string]int{}}
	devices, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	for _, d := range devices {
		r.indices[d.Name] = d.Index
	}
	chains, err := ask(socket, unix.NFT_MSG_GETCHAIN, netlink.Dump, nil)
	if err != nil {
		return nil, err
	}
	for _, m := range chains {
		r.addChain(m)
	}
	slices.Reverse(r.base) // of equal priority the last one is asked first (nf_hook_entries_grow)
	slices.SortStableFunc(r.base, func(a, b *chain) int {
		return cmp.Or(cmp.Compare(a.turn(), b.turn()), cmp.Compare(a.priority, b.priority))
	})
	rules, err := ask(socket, unix.NFT_MSG_GETRULE, netlink.Dump, nil)
	if err != nil {
		return nil, err
	}
	for _, m := range rules {
		if err := r.addRule(m); err != nil {
			return nil, err
		}
	}
	sets, err := ask(socket, unix.NFT_MSG_GETSET, netlink.Dump, nil)
	if err != nil {
		return nil, err
	}
	for _, m := range sets {
		if err := r.addSet(socket, m); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// message is one of nf_tables.
type message struct {
	family byte
	fields fields
}

// ask puts one question, with attributes that name what it is about.
func ask(socket *netlink.Conn, about uint16, flags netlink.HeaderFlags, of *message) ([]message, error) {
	data := []byte{0, unix.NFNETLINK_V0, 0, 0} // struct nfgenmsg: all families
	if of != nil {
		data[0] = of.family
		names, err := of.fields.marshal()
		if err != nil {
			return nil, err
		}
		data = append(data, names...)
	}
	answers, err := socket.Execute(netlink.Message{
		Header: netlink.Header{
			Type:  netlink.HeaderType(unix.NFNL_SUBSYS_NFTABLES<<8 | about),
			Flags: netlink.Request | flags,
		},
		Data: data,
	})
	if err != nil {
		return nil, err
	}
	var messages []message
	for _, a := range answers {
		if len(a.Data) < len(data[:4]) {
			continue // the end of a list
		}
		f, err := parse(a.Data[4:])
		if err != nil {
			return nil, err
		}
		messages = append(messages, message{a.Data[0], f})
	}
	return messages, nil
}
