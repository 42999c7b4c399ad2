package doctor

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rolecall/rolecall/cmd/rolecall/admin"
	"github.com/rolecall/rolecall/network/verdict"
)

// firewall is what rules of others do to requests on their way to us, and to our
// answers. Each namespace in which we serve has rules of its own.
func firewall(_ context.Context, h Host) []Finding {
	var findings []Finding
	for _, netns := range namespaces(h.status.Instances) {
		var found []Finding
		err := inside(netns, func() error {
			rules, err := verdict.Read()
			if err != nil {
				return err
			}
			tables, err := verdict.Legacy()
			if err != nil {
				return err
			}
			found = append(judge(h.status, netns, rules), legacy(netns, tables)...)
			return nil
		})
		if err != nil {
			f := Finding{Severity: Warning, What: "The rules of the firewall cannot be read: " + err.Error() + ".", Where: in(netns)}
			if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
				f.Remedy = "sudo " + strings.TrimPrefix(h.Self, "sudo ") + " doctor"
			}
			found = []Finding{f}
		}
		findings = append(findings, found...)
	}
	return findings
}

// namespaces are the network namespaces in which instances are attached, and that of
// this process, if any is, first.
func namespaces(instances []admin.Instance) []string {
	var all []string
	for _, i := range instances {
		if i.State == admin.StateAttached && !slices.Contains(all, i.AttachmentDetails.Netns) {
			all = append(all, i.AttachmentDetails.Netns)
		}
	}
	slices.Sort(all)
	return all
}

func in(netns string) string {
	if netns == "" {
		return "this machine"
	}
	return "network namespace " + netns
}

// trouble is one ruling, and all packets that it is about.
type trouble struct {
	verdict.Ruling
	netns   string
	way     way
	devices []string
	sure    bool // whether it stops them for certain
}

// way is a request or an answer, at one address.
type way struct {
	answer  bool
	address netip.Addr
}

// judge follows the requests of all instances, and our answers to them.
func judge(s admin.Status, netns string, rules *verdict.Ruleset) []Finding {
	var all []*trouble
	note := func(j verdict.Judgement, w way, device string) {
		for n, r := range j.Rulings {
			sure := !j.Passes && n == len(j.Rulings)-1 // it comes to this one at last
			at := slices.IndexFunc(all, func(t *trouble) bool { return t.Ruling == r && t.way == w && t.sure == sure })
			if at < 0 {
				all = append(all, &trouble{r, netns, w, nil, sure})
				at = len(all) - 1
			}
			all[at].devices = append(all[at].devices, device)
		}
	}
	for _, i := range s.Instances {
		if i.State != admin.StateAttached || i.AttachmentDetails.Netns != netns {
			continue
		}
		for _, served := range endpoints(i) {
			request, answer := packets(i, served, s)
			device := request.In
			j := rules.Judge(request, wayIn(i)...)
			note(j, way{false, served.Addr()}, device)
			if j.Passes {
				note(rules.Judge(answer, wayOut(i)...), way{true, served.Addr()}, device)
			}
		}
	}
	var findings []Finding
	for _, t := range all {
		findings = append(findings, t.finding())
	}
	return findings
}

// finding says in words what a rule does, and to whom.
func (t *trouble) finding() Finding {
	what := "requests for " + t.way.address.String() + " from " + t.whom()
	if t.way.answer {
		what = "our answers from " + t.way.address.String() + " to " + t.whom()
	}
	f := Finding{Severity: Error, Where: t.where(), Remedy: t.remedy()}
	verb := map[verdict.Fate]string{
		verdict.Dropped: "drops ", verdict.Rejected: "rejects ", verdict.Readdressed: "readdresses ", verdict.Queued: "hands to a program ",
		verdict.Unclear: "handles in a way that is not known here ",
	}[t.Fate]
	if t.Fate == verdict.Readdressed && t.To != "" {
		what += ", to " + t.To
	}
	if !t.sure {
		f.Severity = Warning
		verb = "perhaps " + verb
	}
	f.What = fmt.Sprintf("A rule of %s %s%s.", t.Rule.Maker, verb, what)
	if t.Rule.Handle == 0 {
		f.What = fmt.Sprintf("A policy of %s %s%s.", t.Rule.Maker, verb, what)
	}
	return f
}

// named is how many devices are told by name.
const named = 3

func (t *trouble) whom() string {
	if t.devices[0] == loopback {
		return "the programs of " + in(t.netns)
	}
	if len(t.devices) > named {
		return fmt.Sprintf("%s and %d other devices", strings.Join(t.devices[:named], ", "), len(t.devices)-named)
	}
	return strings.Join(t.devices, ", ")
}

func (t *trouble) where() string {
	r := t.Rule
	where := fmt.Sprintf("table %s %s, chain %s", r.Family, r.Table, r.Chain)
	if r.Chain != t.Base {
		where += " (from chain " + t.Base + ")"
	}
	if r.Handle != 0 {
		where += fmt.Sprintf(", rule %d (handle %d)", r.Position, r.Handle)
	}
	where += ": " + r.Text
	if r.Comment != "" {
		where += fmt.Sprintf(" comment %q", r.Comment)
	}
	if t.netns != "" {
		where += ", in " + in(t.netns)
	}
	return where
}

// legacy are tables whose rules are not looked at.
func legacy(netns string, tables []verdict.LegacyTable) []Finding {
	var findings []Finding
	for _, l := range tables {
		findings = append(findings, Finding{
			Severity: Warning, What: fmt.Sprintf("%s has rules in table %s, which are not looked at: they may drop requests or answers.", l.Program, l.Table),
			Where: in(netns), Remedy: enter(netns) + l.Program + " -t " + l.Table + " -S",
		})
	}
	return findings
}
