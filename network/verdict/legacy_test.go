package verdict_test

import (
	"slices"
	"testing"

	"github.com/rolecall/rolecall/network/nettest"
	"github.com/rolecall/rolecall/network/verdict"
)

func TestLegacyTablesAreFoundWhereTheyDoSomething(t *testing.T) {
	for _, test := range []struct {
		name     string
		commands [][]string
		want     []verdict.LegacyTable
	}{
		{"none", nil, nil},
		{"looked at", [][]string{{"iptables-legacy", "-L"}, {"ip6tables-legacy", "-t", "nat", "-L"}}, nil},
		{"a rule", [][]string{{"iptables-legacy", "-A", "INPUT", "-j", "DROP"}, {"iptables-legacy", "-t", "nat", "-L"}},
			[]verdict.LegacyTable{{Program: "iptables-legacy", Table: "filter"}}},
		{"a policy", [][]string{{"ip6tables-legacy", "-P", "INPUT", "DROP"}}, []verdict.LegacyTable{{Program: "ip6tables-legacy", Table: "filter"}}},
		{"a policy that accepts", [][]string{{"ip6tables-legacy", "-P", "OUTPUT", "ACCEPT"}, {"iptables-legacy", "-P", "OUTPUT", "ACCEPT"}}, nil},
		{"a rule that was taken back", [][]string{{"iptables-legacy", "-A", "INPUT", "-j", "DROP"}, {"iptables-legacy", "-F"}}, nil},
		{"another table", [][]string{{"ip6tables-legacy", "-t", "raw", "-A", "PREROUTING", "-j", "DROP"}},
			[]verdict.LegacyTable{{Program: "ip6tables-legacy", Table: "raw"}}},
		{"nf_tables", [][]string{{"iptables-nft", "-A", "INPUT", "-j", "DROP"}}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			ns := nettest.New(t)
			for _, c := range test.commands {
				ns.Run(t, c[0], c[1:]...)
			}
			var found []verdict.LegacyTable
			var err error
			ns.Do(func() { found, err = verdict.Legacy() })
			if err != nil || !slices.Equal(found, test.want) {
				t.Errorf("%v, %v; want %v", found, err, test.want)
			}
		})
	}
}
