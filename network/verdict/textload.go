package verdict

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/bits"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// form is how constants of one kind are written. Without one it is in hexadecimal.
type form func([]byte) string

func (f form) of(b []byte) string {
	if f == nil {
		return hexadecimal(b)
	}
	return f(b)
}

func hexadecimal(b []byte) string { return fmt.Sprintf("0x%x", b) }

func turned(f form) form {
	if bigEndianHost {
		return f
	}
	return func(b []byte) string {
		b = slices.Clone(b)
		slices.Reverse(b)
		return f.of(b)
	}
}

func inNetworkOrder(b []byte) string {
	return strconv.FormatUint(fields{0: b}.number(0), 10)
}

func inHostOrder(b []byte) string {
	if len(b) != 4 {
		return hexadecimal(b)
	}
	return fmt.Sprintf("0x%x", binary.NativeEndian.Uint32(b))
}

func quoted(b []byte) string {
	name, _, ended := bytes.Cut(b, []byte{0})
	if !ended && len(b) < unix.IFNAMSIZ { // all that begin so
		return strconv.Quote(string(name) + "*")
	}
	return strconv.Quote(string(name))
}

func address(b []byte) string {
	if a, ok := netip.AddrFromSlice(b); ok {
		return a.String()
	}
	return hexadecimal(b)
}

// prefixed is the form of the first bytes of an address.
func prefixed(n int) form {
	return func(b []byte) string {
		whole := make([]byte, n)
		copy(whole, b)
		return address(whole) + "/" + strconv.Itoa(8*len(b))
	}
}

// listed makes a form of names for numbers.
func listed(known map[uint64]string) form {
	return func(b []byte) string {
		n := fields{0: b}.number(0)
		if name, ok := known[n]; ok {
			return name
		}
		return strconv.FormatUint(n, 10)
	}
}

var (
	protocols = listed(map[uint64]string{unix.IPPROTO_ICMP: "icmp", unix.IPPROTO_TCP: "tcp", unix.IPPROTO_UDP: "udp", unix.IPPROTO_ICMPV6: "ipv6-icmp"})
	families  = listed(map[uint64]string{unix.NFPROTO_IPV4: "ipv4", unix.NFPROTO_IPV6: "ipv6"})
	ethernets = listed(map[uint64]string{unix.ETH_P_IP: "ip", unix.ETH_P_IPV6: "ip6", unix.ETH_P_ARP: "arp"})
	routes    = turned(listed(map[uint64]string{unix.RTN_UNICAST: "unicast", unix.RTN_LOCAL: "local", unix.RTN_BROADCAST: "broadcast", unix.RTN_MULTICAST: "multicast"}))
)

// states are written as a list of names.
func states(b []byte) string {
	if len(b) != 4 {
		return hexadecimal(b)
	}
	var all []string
	for _, s := range []struct {
		bit  State
		name string
	}{{Invalid, "invalid"}, {Established, "established"}, {Related, "related"}, {New, "new"}, {Untracked, "untracked"}} {
		if binary.NativeEndian.Uint32(b)&uint32(s.bit) != 0 {
			all = append(all, s.name)
		}
	}
	return strings.Join(all, ",")
}

func (t *text) meta(e expression) {
	of := map[uint64]term{
		unix.NFT_META_IIFNAME:     {name: "iifname", form: quoted, size: unix.IFNAMSIZ},
		unix.NFT_META_OIFNAME:     {name: "oifname", form: quoted, size: unix.IFNAMSIZ},
		unix.NFT_META_BRI_IIFNAME: {name: "meta ibrname", form: quoted, size: unix.IFNAMSIZ},
		unix.NFT_META_BRI_OIFNAME: {name: "meta obrname", form: quoted, size: unix.IFNAMSIZ},
		unix.NFT_META_IIF:         {name: "iif", form: t.device},
		unix.NFT_META_OIF:         {name: "oif", form: t.device},
		unix.NFT_META_L4PROTO:     {name: "meta l4proto", form: protocols},
		unix.NFT_META_NFPROTO:     {name: "meta nfproto", form: families},
		unix.NFT_META_PROTOCOL:    {name: "meta protocol", form: ethernets},
		unix.NFT_META_MARK:        {name: "meta mark", form: inHostOrder},
		unix.NFT_META_SKUID:       {name: "meta skuid", form: turned(inNetworkOrder)},
		unix.NFT_META_SKGID:       {name: "meta skgid", form: turned(inNetworkOrder)},
		unix.NFT_META_PKTTYPE:     {name: "meta pkttype"},
	}[e.number(unix.NFTA_META_KEY)]
	if of.name == "" {
		of.name = "meta key " + strconv.FormatUint(e.number(unix.NFTA_META_KEY), 10)
	}
	if e.has(unix.NFTA_META_SREG) {
		t.say("%s set %s", of.name, of.form.of(t.in(e, unix.NFTA_META_SREG).constant))
		return
	}
	t.hold(e, unix.NFTA_META_DREG, of)
}

// device is the name of a device by its number.
func (t *text) device(b []byte) string {
	for name, index := range t.rules.indices {
		if len(b) == 4 && uint32(index) == binary.NativeEndian.Uint32(b) {
			return strconv.Quote(name)
		}
	}
	return turned(inNetworkOrder)(b)
}

func (t *text) payload(e expression) {
	base, offset, n := e.number(unix.NFTA_PAYLOAD_BASE), e.number(unix.NFTA_PAYLOAD_OFFSET), e.number(unix.NFTA_PAYLOAD_LEN)
	of := term{name: fmt.Sprintf("@%s,%d,%d", [...]string{"ll", "nh", "th", "ih"}[min(base, 3)], offset*8, n*8)}
	type place struct{ base, offset, n uint64 }
	const network, transport = unix.NFT_PAYLOAD_NETWORK_HEADER, unix.NFT_PAYLOAD_TRANSPORT_HEADER
	proto := t.proto
	if proto == "" {
		proto = "th"
	}
	known := map[place]term{
		{network, 12, 4}: {name: "ip saddr", form: address}, {network, 16, 4}: {name: "ip daddr", form: address},
		{network, 8, 16}: {name: "ip6 saddr", form: address}, {network, 24, 16}: {name: "ip6 daddr", form: address},
		{network, 9, 1}: {name: "ip protocol", form: protocols}, {network, 6, 1}: {name: "ip6 nexthdr", form: protocols},
		{transport, 0, 2}: {name: proto + " sport", form: inNetworkOrder}, {transport, 2, 2}: {name: proto + " dport", form: inNetworkOrder},
	}
	found, ok := known[place{base, offset, n}]
	for _, whole := range []uint64{4, 16} { // an address that is compared only as far as it matters
		if part, is := known[place{base, offset, whole}]; is && !ok && base == network && n < whole {
			found, ok = term{name: part.name, form: prefixed(int(whole))}, true
		}
	}
	if ok {
		of = found
		t.implied(of.name)
	}
	of.size = int(n)
	if proto == "tcp" && base == transport && offset == 13 {
		of.name = "tcp flags"
		t.implied(of.name)
	}
	if e.has(unix.NFTA_PAYLOAD_SREG) {
		t.say("%s set %s", of.name, of.form.of(t.in(e, unix.NFTA_PAYLOAD_SREG).constant))
		return
	}
	t.hold(e, unix.NFTA_PAYLOAD_DREG, of)
}

// implied takes back what the name of a field says by itself, as nft does.
func (t *text) implied(name string) {
	kind, _, _ := strings.Cut(name, " ")
	version := map[string]string{"ip": "ipv4", "ip6": "ipv6"}[kind]
	t.words = slices.DeleteFunc(t.words, func(w string) bool {
		return w == "meta l4proto "+kind || w == "meta nfproto "+version || w == "meta protocol "+kind
	})
}

func (t *text) ct(e expression) {
	of := map[uint64]term{
		unix.NFT_CT_STATE: {name: "ct state", form: states}, unix.NFT_CT_MARK: {name: "ct mark", form: inHostOrder},
		unix.NFT_CT_STATUS: {name: "ct status", form: inHostOrder}, unix.NFT_CT_DIRECTION: {name: "ct direction"},
		unix.NFT_CT_ZONE: {name: "ct zone"}, unix.NFT_CT_HELPER: {name: "ct helper"},
	}[e.number(unix.NFTA_CT_KEY)]
	if of.name == "" {
		of.name = "ct key " + strconv.FormatUint(e.number(unix.NFTA_CT_KEY), 10)
	}
	if e.has(unix.NFTA_CT_SREG) {
		t.say("%s set %s", of.name, of.form.of(t.in(e, unix.NFTA_CT_SREG).constant))
		return
	}
	t.hold(e, unix.NFTA_CT_DREG, of)
}

func fibTerm(e expression) term {
	flags, result := e.number(unix.NFTA_FIB_FLAGS), e.number(unix.NFTA_FIB_RESULT)
	var key []string
	for _, f := range []struct {
		bit  uint64
		name string
	}{{unix.NFTA_FIB_F_SADDR, "saddr"}, {unix.NFTA_FIB_F_DADDR, "daddr"}, {unix.NFTA_FIB_F_MARK, "mark"}, {unix.NFTA_FIB_F_IIF, "iif"}, {unix.NFTA_FIB_F_OIF, "oif"}} {
		if flags&f.bit != 0 {
			key = append(key, f.name)
		}
	}
	of := term{name: "fib " + strings.Join(key, " . ")}
	switch result {
	case unix.NFT_FIB_RESULT_ADDRTYPE:
		of.name, of.form = of.name+" type", routes
	case unix.NFT_FIB_RESULT_OIFNAME:
		of.name, of.form = of.name+" oifname", quoted
	default:
		of.name, of.form = of.name+" oif", turned(inNetworkOrder)
	}
	if flags&unix.NFTA_FIB_F_PRESENT != 0 {
		of.form = turned(listed(map[uint64]string{0: "missing", 1: "exists"}))
	}
	return of
}

// compare is a term and what it is compared with.
func (t *text) compare(e expression) {
	of, data, op := t.in(e, unix.NFTA_CMP_SREG), e.value(unix.NFTA_CMP_DATA), e.number(unix.NFTA_CMP_OP)
	if of.name == "meta l4proto" && op == unix.NFT_CMP_EQ {
		t.proto = protocols(data)
	}
	sign := map[uint64]string{unix.NFT_CMP_NEQ: "!= ", unix.NFT_CMP_LT: "< ", unix.NFT_CMP_LTE: "<= ", unix.NFT_CMP_GT: "> ", unix.NFT_CMP_GTE: ">= "}[op]
	right := of.form.of(data)
	switch length, prefix := prefixOf(of.mask); {
	case of.mask == nil:
	case of.name == "ct state" && op == unix.NFT_CMP_NEQ && len(bytes.Trim(data, "\x00")) == 0:
		sign, right = "", states(of.mask)
	case strings.HasSuffix(of.name, "addr") && prefix:
		right += "/" + strconv.Itoa(length)
	default:
		t.say("%s & %s %s%s", of.name, of.form.of(of.mask), map[bool]string{true: "== ", false: sign}[sign == ""], right)
		return
	}
	if from, ok := strings.CutPrefix(t.last(), of.name+" >= "); ok && op == unix.NFT_CMP_LTE {
		t.words[len(t.words)-1] = of.name + " " + from + "-" + right
		return
	}
	t.say("%s %s%s", of.name, sign, right)
}

func (t *text) last() string {
	if len(t.words) == 0 {
		return ""
	}
	return t.words[len(t.words)-1]
}

// prefixOf is the length of a mask that is ones and then zeros.
func prefixOf(mask []byte) (length int, ok bool) {
	for i, b := range mask {
		ones := bits.LeadingZeros8(^b)
		length += ones
		if b != 0xff {
			rest := append([]byte{b << ones}, mask[i+1:]...)
			return length, len(bytes.Trim(rest, "\x00")) == 0
		}
	}
	return length, true
}
