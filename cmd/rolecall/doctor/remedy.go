package doctor

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rolecall/rolecall/network/verdict"
)

// remedy is a command that lets through what a rule does not, and nothing else. It is
// of the program that made the rule, if that would undo what others change.
func (t *trouble) remedy() string {
	e := t.exception()
	switch t.Rule.Maker {
	case verdict.Ufw:
		// What an operator adds comes behind ufw's own rules.
		if (e.hook == verdict.Input || e.hook == verdict.Output) && !strings.HasPrefix(t.Rule.Chain, "ufw-before-") && t.Rule.Chain != "ufw-not-local" {
			return enter(t.netns) + e.ufw()
		}
	case verdict.Firewalld:
		switch {
		case e.hook == verdict.Prerouting && strings.Contains(t.Rule.Text, "fib saddr"):
			return "sed -i 's/^IPv6_rpfilter=.*/IPv6_rpfilter=no/' /etc/firewalld/firewalld.conf && firewall-cmd --complete-reload"
		case e.hook == verdict.Input:
			return enter(t.netns) + e.firewalld()
		}
	case verdict.Docker, verdict.Iptables, verdict.Nft:
	}
	if t.Rule.Maker != verdict.Nft && t.Rule.Maker != verdict.Firewalld {
		return enter(t.netns) + e.iptables(t.Rule.Table, t.Base)
	}
	return enter(t.netns) + fmt.Sprintf("nft insert rule %s %s %s %s", t.Rule.Family, quoted(t.Rule.Table), quoted(t.Base), quoted(e.nft(t.Rule.Family)))
}

// enter begins a command for another network namespace.
func enter(netns string) string {
	if netns == "" {
		return ""
	}
	return "nsenter --net=" + quoted(netns) + " "
}

// exception is a packet that is to pass: who it comes from or goes to, and its address
// and port of ours.
type exception struct {
	hook    verdict.Hook
	device  string // or empty for all: our listeners are bound to theirs
	way     way
	port    uint16
	portIs  string // "dport" or "sport"
	incomes bool   // whether the hook knows the device that packets come by
}

func (t *trouble) exception() exception {
	e := exception{hook: t.Hook, way: t.way, port: t.DstPort, portIs: "dport"}
	if t.way.answer {
		e.port, e.portIs = t.SrcPort, "sport"
	}
	e.incomes = slices.Contains([]verdict.Hook{
		verdict.Ingress, verdict.Prerouting, verdict.Input, verdict.BridgePrerouting, verdict.BridgeInput,
	}, t.Hook)
	if len(t.devices) == 1 && t.Hook < verdict.BridgePrerouting {
		e.device = t.devices[0]
	}
	return e
}

// pick returns the word for what comes in, or for what goes out; and so does side for
// what a request has and what an answer has.
func (e exception) pick(incoming, outgoing string) string {
	if e.incomes {
		return incoming
	}
	return outgoing
}

func (e exception) side(request, answer string) string {
	if e.way.answer {
		return answer
	}
	return request
}

// version returns the word for the IP version.
func (e exception) version(four, six string) string {
	if e.way.address.Is6() {
		return six
	}
	return four
}

// nft is a rule of nft(8).
func (e exception) nft(family string) string {
	var words []string
	if e.device != "" && family != "netdev" {
		words = append(words, e.pick("iifname", "oifname"), `"`+e.device+`"`)
	}
	words = append(words, e.version("ip", "ip6"), e.side("daddr", "saddr"), e.way.address.String(), "tcp", e.portIs, fmt.Sprint(e.port), "accept")
	return strings.Join(words, " ")
}

// iptables is a rule of iptables(8), for the table of nf_tables.
func (e exception) iptables(table, chain string) string {
	words := []string{e.version("iptables-nft", "ip6tables-nft"), "-t", table, "-I", chain}
	if e.device != "" {
		words = append(words, e.pick("-i", "-o"), quoted(e.device))
	}
	return strings.Join(append(words, e.side("-d", "-s"), e.way.address.String(), "-p", "tcp", "--"+e.portIs, fmt.Sprint(e.port), "-j", "ACCEPT"), " ")
}

// ufw is a rule of ufw(8), before all others.
func (e exception) ufw() string {
	words := []string{"ufw", "prepend", "allow", e.pick("in", "out")}
	if e.device != "" {
		words = append(words, "on", quoted(e.device))
	}
	words = append(words, "proto", "tcp")
	if e.way.answer {
		words = append(words, "from", e.way.address.String(), "port", fmt.Sprint(e.port), "to", "any")
	} else {
		words = append(words, "from", "any", "to", e.way.address.String(), "port", fmt.Sprint(e.port))
	}
	return strings.Join(words, " ")
}

// firewalld is a rich rule (firewalld.richlanguage(5)) of the zone that the device is
// in, which is the default one for a device that is in none.
func (e exception) firewalld() string {
	zone := ""
	if e.device != "" {
		zone = `--zone="$(firewall-cmd --get-zone-of-interface=` + quoted(e.device) + ` 2>/dev/null || firewall-cmd --get-default-zone)" `
	}
	return fmt.Sprintf(`firewall-cmd --permanent %s--add-rich-rule='rule priority="-1" family="%s" destination address="%s" port port="%d" protocol="tcp" accept' && firewall-cmd --reload`,
		zone, e.version("ipv4", "ipv6"), e.way.address, e.port)
}
