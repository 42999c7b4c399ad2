package verdict

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"

	"github.com/google/nftables/userdata"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// What golang.org/x/sys/unix does not have (linux/netfilter/nf_tables.h).
const (
	hookDevs        = 4  // NFTA_HOOK_DEVS
	devicePrefix    = 2  // NFTA_DEVICE_PREFIX
	setDescConcat   = 2  // NFTA_SET_DESC_CONCAT
	setFieldLen     = 1  // NFTA_SET_FIELD_LEN
	setElemKeyEnd   = 10 // NFTA_SET_ELEM_KEY_END
	setElemExprs    = 17 // NFTA_SET_ELEM_EXPRESSIONS
	setElemCatchall = 2  // NFT_SET_ELEM_CATCHALL
	inetIngress     = 5  // NF_INET_INGRESS
	dynsetExprs     = 10 // NFTA_DYNSET_EXPRESSIONS
	exthdrTCP       = 1  // NFT_EXTHDR_OP_TCPOPT
)

// fields are the attributes of a message or an expression, by their numbers.
type fields map[uint16][]byte

func parse(data []byte) (fields, error) {
	attributes, err := netlink.UnmarshalAttributes(data)
	if err != nil {
		return nil, fmt.Errorf("nf_tables: %w", err)
	}
	f := fields{}
	for _, a := range attributes {
		f[a.Type&^(unix.NLA_F_NESTED|unix.NLA_F_NET_BYTEORDER)] = a.Data
	}
	return f, nil
}

func (f fields) marshal() ([]byte, error) {
	var attributes []netlink.Attribute
	for kind, data := range f {
		attributes = append(attributes, netlink.Attribute{Type: kind, Data: data})
	}
	return netlink.MarshalAttributes(attributes)
}

func (f fields) has(kind uint16) bool { _, ok := f[kind]; return ok }

// number is one in network order, of up to 8 bytes.
func (f fields) number(kind uint16) (n uint64) {
	for _, b := range f[kind] {
		n = n<<8 | uint64(b)
	}
	return n
}

func (f fields) text(kind uint16) string {
	text, _, _ := bytes.Cut(f[kind], []byte{0})
	return string(text)
}

// inside returns the attributes within one. What cannot be read has none.
func (f fields) inside(kind uint16) fields {
	g, err := parse(f[kind])
	if err != nil {
		return fields{}
	}
	return g
}

// value returns the constant within an attribute.
func (f fields) value(kind uint16) []byte { return f.inside(kind)[unix.NFTA_DATA_VALUE] }

// decision returns the verdict within an attribute, if there is one.
func (f fields) decision(kind uint16) (decision, bool) {
	data := f.inside(kind)
	if !data.has(unix.NFTA_DATA_VERDICT) {
		return decision{}, false
	}
	v := data.inside(unix.NFTA_DATA_VERDICT)
	return decision{code: int32(v.number(unix.NFTA_VERDICT_CODE)), chain: v.text(unix.NFTA_VERDICT_CHAIN)}, true
}

// list returns the attributes within each element of a list.
func (f fields) list(kind uint16) ([]fields, error) {
	elements, err := netlink.UnmarshalAttributes(f[kind])
	if err != nil {
		return nil, fmt.Errorf("nf_tables: %w", err)
	}
	var all []fields
	for _, e := range elements {
		g, err := parse(e.Data)
		if err != nil {
			return nil, err
		}
		all = append(all, g)
	}
	return all, nil
}

// chain is a chain and its rules.
type chain struct {
	chainID
	rules []*rule

	isBase   bool
	hook     uint64
	priority int32
	drops    bool     // its policy
	nat      bool     // its type
	devices  []string // of ingress and egress; with a * for all that begin so
}

func (r *Ruleset) addChain(m message) {
	f := m.fields
	c := &chain{chainID: chainID{table{m.family, f.text(unix.NFTA_CHAIN_TABLE)}, f.text(unix.NFTA_CHAIN_NAME)}}
	r.chains[c.chainID] = c
	if !f.has(unix.NFTA_CHAIN_HOOK) {
		return
	}
	hook := f.inside(unix.NFTA_CHAIN_HOOK)
	c.isBase = true
	c.hook = hook.number(unix.NFTA_HOOK_HOOKNUM)
	c.priority = int32(hook.number(unix.NFTA_HOOK_PRIORITY))
	c.drops = f.has(unix.NFTA_CHAIN_POLICY) && f.number(unix.NFTA_CHAIN_POLICY) == 0 // NF_DROP
	c.nat = f.text(unix.NFTA_CHAIN_TYPE) == "nat"
	if hook.has(unix.NFTA_HOOK_DEV) {
		c.devices = append(c.devices, hook.text(unix.NFTA_HOOK_DEV))
	}
	names, err := netlink.UnmarshalAttributes(hook[hookDevs])
	if err != nil {
		names = nil // and the chain is taken to be for none
	}
	for _, n := range names {
		name, _, _ := bytes.Cut(n.Data, []byte{0})
		if n.Type&^unix.NLA_F_NESTED == devicePrefix {
			name = append(slices.Clone(name), '*')
		}
		c.devices = append(c.devices, string(name))
	}
	r.base = append(r.base, c)
}

// rule is a rule of a chain.
type rule struct {
	handle   uint64
	position int
	comment  string
	parts    []expression
}

// expression is one step of a rule, by its name and attributes.
type expression struct {
	name string
	fields
}

func (r *Ruleset) addRule(m message) error {
	f := m.fields
	c := r.chains[chainID{table{m.family, f.text(unix.NFTA_RULE_TABLE)}, f.text(unix.NFTA_RULE_CHAIN)}]
	if c == nil {
		return nil // made since the chains were listed: everything is read again
	}
	parts, err := f.list(unix.NFTA_RULE_EXPRESSIONS)
	if err != nil {
		return err
	}
	rule := &rule{handle: f.number(unix.NFTA_RULE_HANDLE), position: len(c.rules) + 1, comment: comment(f[unix.NFTA_RULE_USERDATA])}
	for _, p := range parts {
		rule.parts = append(rule.parts, expression{p.text(unix.NFTA_EXPR_NAME), p.inside(unix.NFTA_EXPR_DATA)})
	}
	c.rules = append(c.rules, rule)
	return nil
}

// comment is what nft keeps with a rule for people.
func comment(data []byte) string {
	for i := 0; i+2 <= len(data); i += 2 + int(data[i+1]) {
		if i+2+int(data[i+1]) > len(data) {
			return "" // not nft's
		}
	}
	text, _ := userdata.GetString(data, userdata.TypeComment)
	return text
}

func bigEndian(n uint16) []byte { return binary.BigEndian.AppendUint16(nil, n) }

// bigEndianHost is whether this machine has its numbers in network order.
var bigEndianHost = binary.NativeEndian.Uint16([]byte{0, 1}) == 1

// familyName is nft's name of a family.
func familyName(family byte) string {
	switch family {
	case unix.NFPROTO_INET:
		return "inet"
	case unix.NFPROTO_IPV4:
		return "ip"
	case unix.NFPROTO_IPV6:
		return "ip6"
	case unix.NFPROTO_ARP:
		return "arp"
	case unix.NFPROTO_BRIDGE:
		return "bridge"
	case unix.NFPROTO_NETDEV:
		return "netdev"
	}
	return strconv.Itoa(int(family))
}
