package verdict

import (
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// describe is the rule that is being looked at, or the policy of its chain.
func (w *walk) describe() Rule {
	c, r := w.chain, w.rule
	d := Rule{Family: familyName(c.family), Table: c.table.name, Chain: c.name, Text: "policy drop", Maker: w.rules.maker(c.table)}
	if r != nil {
		t := text{rules: w.rules, table: c.table, held: map[int]term{}}
		d.Handle, d.Position, d.Text, d.Comment = r.handle, r.position, t.of(r), t.comment
	}
	return d
}

// text makes nft's language of a rule.
type text struct {
	rules   *Ruleset
	table   table
	held    map[int]term // what the registers hold
	words   []string
	proto   string // of the transport layer, as far as the rule has said it
	comment string
}

// term is the left side of a comparison, and how its right side is written.
type term struct {
	name     string
	form     form
	size     int // in bytes, if not 4
	mask     []byte
	constant []byte // what is not compared, but meant for a statement
}

func (t *text) of(r *rule) string {
	t.comment = r.comment
	for _, e := range r.parts {
		t.add(e)
	}
	return strings.Join(t.words, " ")
}

func (t *text) say(format string, args ...any) {
	t.words = append(t.words, fmt.Sprintf(format, args...))
}

// hold notes what a register holds.
func (t *text) hold(e expression, kind uint16, of term) { t.held[register(e.number(kind))] = of }

func (t *text) in(e expression, kind uint16) term { return t.held[register(e.number(kind))] }

func (t *text) add(e expression) {
	switch e.name {
	case "meta":
		t.meta(e)
	case "payload":
		t.payload(e)
	case "ct":
		t.ct(e)
	case "fib":
		t.hold(e, unix.NFTA_FIB_DREG, fibTerm(e))
	case "cmp":
		t.compare(e)
	case "range":
		of := t.in(e, unix.NFTA_RANGE_SREG)
		not := ""
		if e.number(unix.NFTA_RANGE_OP) == unix.NFT_RANGE_NEQ {
			not = "!= "
		}
		t.say("%s %s%s-%s", of.name, not, of.form.of(e.value(unix.NFTA_RANGE_FROM_DATA)), of.form.of(e.value(unix.NFTA_RANGE_TO_DATA)))
	case "bitwise":
		of := t.in(e, unix.NFTA_BITWISE_SREG)
		of.mask = e.value(unix.NFTA_BITWISE_MASK)
		t.hold(e, unix.NFTA_BITWISE_DREG, of)
	case "byteorder":
		of := t.in(e, unix.NFTA_BYTEORDER_SREG)
		of.form = turned(of.form)
		t.hold(e, unix.NFTA_BYTEORDER_DREG, of)
	case "lookup":
		t.lookup(e)
	case "match":
		t.xtMatch(e)
	case "immediate":
		if d, ok := e.decision(unix.NFTA_IMMEDIATE_DATA); ok {
			t.say("%s", d)
			return
		}
		t.hold(e, unix.NFTA_IMMEDIATE_DREG, term{constant: e.value(unix.NFTA_IMMEDIATE_DATA)})
	default:
		t.statement(e)
	}
}

// lookup is in a set that is named, or else shown with its first elements.
func (t *text) lookup(e expression) {
	name := e.text(unix.NFTA_LOOKUP_SET)
	s := t.rules.sets[setID{t.table, name}]
	if s == nil {
		t.say("@%s", name)
		return
	}
	of := t.key(e, s)
	body, operator := "@"+name, ""
	if strings.HasPrefix(name, "__") { // nft's own name for one that has none
		body = elements(s, of)
	}
	switch {
	case e.number(unix.NFTA_LOOKUP_FLAGS)&unix.NFT_LOOKUP_F_INV != 0:
		operator = "!= "
	case e.has(unix.NFTA_LOOKUP_DREG) && e.number(unix.NFTA_LOOKUP_DREG) == unix.NFT_REG_VERDICT:
		operator = "vmap "
	case e.has(unix.NFTA_LOOKUP_DREG):
		t.hold(e, unix.NFTA_LOOKUP_DREG, term{name: names(of) + " map " + body})
		return
	}
	t.say("%s %s%s", names(of), operator, body)
}

// key is what the registers hold of the key of a set, part by part.
func (t *text) key(e expression, s *set) []term {
	var parts []term
	at := register(e.number(unix.NFTA_LOOKUP_SREG))
	for left := s.keyLen; left > 0; {
		part := t.held[at]
		if part.size == 0 {
			part.size = min(4, left)
		}
		parts = append(parts, part)
		n := (part.size + 3) &^ 3
		at, left = at+n, left-n
	}
	return parts
}

func names(of []term) string {
	var all []string
	for _, o := range of {
		all = append(all, o.name)
	}
	return strings.Join(all, " . ")
}

// shown is how many elements of a set are shown.
const shown = 6

func elements(s *set, of []term) string {
	var all []string
	for _, e := range s.elements[:min(shown, len(s.elements))] {
		all = append(all, elementText(s, e, of))
	}
	if len(s.elements) > shown {
		all = append(all, "...")
	}
	if s.other != nil {
		all = append(all, "*"+s.gives(*s.other))
	}
	return "{ " + strings.Join(all, ", ") + " }"
}

func elementText(s *set, e element, of []term) string {
	var parts []string
	offset := 0
	for _, o := range of {
		end := min(offset+o.size, len(e.from), len(e.to))
		if end < offset {
			return "..."
		}
		from, to := o.form.of(e.from[offset:end]), o.form.of(e.to[offset:end])
		if from != to {
			from += "-" + to
		}
		parts = append(parts, from)
		offset += (o.size + 3) &^ 3
	}
	return strings.Join(parts, " . ") + s.gives(e)
}

// gives is what a map has for an element.
func (s *set) gives(e element) string {
	switch {
	case s.verdicts:
		return " : " + e.decision.String()
	case len(e.data) > 0:
		return " : " + hexadecimal(e.data)
	}
	return ""
}

// String is nft's word for a verdict.
func (d decision) String() string {
	switch d.code {
	case 0:
		return "drop"
	case verdictAccept:
		return "accept"
	case unix.NFT_RETURN:
		return "return"
	case unix.NFT_JUMP:
		return "jump " + d.chain
	case unix.NFT_GOTO:
		return "goto " + d.chain
	case unix.NFT_CONTINUE:
		return "continue"
	}
	return "verdict " + strconv.Itoa(int(d.code))
}
