package verdict

import (
	"encoding/binary"
	"strconv"
	"strings"

	"github.com/google/nftables/xt"
	"golang.org/x/sys/unix"
)

// statement is what a rule does, other than a verdict.
func (t *text) statement(e expression) {
	switch e.name {
	case "reject":
		t.say("reject")
	case "log":
		t.say("log")
	case "limit":
		t.limit(e)
	case "nat":
		kind := "snat"
		if e.number(unix.NFTA_NAT_TYPE) == unix.NFT_NAT_DNAT {
			kind = "dnat"
		}
		t.say("%s", strings.TrimSpace(kind+" to "+target(t.constant(e, unix.NFTA_NAT_REG_ADDR_MIN), t.constant(e, unix.NFTA_NAT_REG_PROTO_MIN))))
	case "redir":
		t.say("%s", strings.TrimSuffix("redirect to "+target(value{}, t.constant(e, unix.NFTA_REDIR_REG_PROTO_MIN)), " to "))
	case "masq":
		t.say("masquerade")
	case "dynset":
		t.say("update @%s", e.text(unix.NFTA_DYNSET_SET_NAME))
	case "target":
		t.xtTarget(e)
	case "exthdr":
		t.hold(e, unix.NFTA_EXTHDR_DREG, term{name: "exthdr " + strconv.FormatUint(e.number(unix.NFTA_EXTHDR_TYPE), 10)})
	default: // nft has the name of most, without settings
		t.say("%s", e.name)
	}
}

func (t *text) constant(e expression, kind uint16) value {
	if !e.has(kind) {
		return value{}
	}
	return given(t.in(e, kind).constant)
}

func (t *text) limit(e expression) {
	const rate, unit, flags, over = 1, 2, 5, 1 // NFTA_LIMIT_RATE, _UNIT and _FLAGS, NFT_LIMIT_F_INV
	per := map[uint64]string{1: "second", 60: "minute", 3600: "hour", 86400: "day"}[e.number(unit)]
	more := ""
	if e.number(flags)&over != 0 {
		more = "over "
	}
	t.say("limit rate %s%d/%s", more, e.number(rate), per)
}

// xtMatch shows conditions as iptables has them, but for those that nft shows as its own.
func (t *text) xtMatch(e expression) {
	name, info, raw := extensionOf(t.table, e)
	switch i := info.(type) {
	case *xt.Comment:
		t.comment = string(*i)
		return
	case *xt.ConntrackMtinfo3:
		t.xtState(i.MatchFlags, i.InvertFlags, i.StateMask)
		return
	case *xt.AddrTypeV1:
		for _, side := range []struct {
			name  string
			types uint16
		}{{"saddr", i.Source}, {"daddr", i.Dest}} {
			if side.types != 0 {
				t.say("fib %s type %s", side.name, typesOf(side.types))
			}
		}
		return
	}
	if name == "multiport" && len(raw) >= 48 {
		t.implied(t.proto)
		t.say("%s %s { %s }", t.proto, [...]string{"sport", "dport", "port"}[min(raw[0], 2)], portsOf(raw))
		return
	}
	t.say("xt match %q", name)
}

func typesOf(types uint16) string {
	var all []string
	for bit := range 16 {
		if types&(1<<bit) != 0 {
			all = append(all, routes(native(uint32(bit)).bits))
		}
	}
	return strings.Join(all, ",")
}

// xtState has the bits of states in common with nft, but for the last.
func (t *text) xtState(match, invert, mask uint16) {
	not, wanted := "", uint32(mask&0xf)
	if mask&xtUntracked != 0 {
		wanted |= uint32(Untracked)
	}
	if invert&uint16(xt.ConntrackState) != 0 {
		not = "!= "
	}
	if match&uint16(xt.ConntrackState) != 0 && wanted != 0 {
		t.say("ct state %s%s", not, states(native(wanted).bits))
		return
	}
	t.say("xt match %q", "conntrack")
}

func portsOf(raw []byte) string {
	var all []string
	for i := range min(int(raw[1]), 15) {
		port := strconv.Itoa(int(binary.NativeEndian.Uint16(raw[2+2*i:])))
		if i > 0 && raw[32+i-1] != 0 { // the end of a range
			all[len(all)-1] += "-" + port
			continue
		}
		all = append(all, port)
	}
	return strings.Join(all, ", ")
}

func (t *text) xtTarget(e expression) {
	name, info, raw := extensionOf(t.table, e)
	switch name {
	case "REJECT", "LOG", "MASQUERADE":
		t.say("%s", strings.ToLower(name))
	case "DNAT":
		t.say("dnat to %s", target(destination(info)))
	case "REDIRECT":
		_, port := destination(info)
		t.say("redirect to %s", target(value{}, port))
	case "MARK":
		if len(raw) >= 8 {
			t.say("meta mark set mark and %s xor %s", inHostOrder(complement(raw[4:8])), inHostOrder(raw[0:4]))
			return
		}
		t.say("xt target %q", name)
	default:
		t.say("xt target %q", name)
	}
}
