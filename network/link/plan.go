package link

import (
	"fmt"
	"slices"
)

// Verb says what an [Op] does.
type Verb string

// The verbs are those of the command ip-address(8).
const (
	Add Verb = "add"
	Del Verb = "del"
)

// Op is one change to a device.
type Op struct {
	Verb Verb
	Addr Addr
}

// String is the ip command that does the same.
func (o Op) String() string {
	text := fmt.Sprintf("ip addr %s %s dev %s", o.Verb, o.Addr.Prefix, o.Addr.Device)
	v4 := o.Addr.Prefix.Addr().Is4()
	switch {
	case o.Verb == Add && v4:
		return text + " scope host label " + label
	case o.Verb == Add:
		return text + " nodad preferred_lft 0"
	case v4:
		return text + " label " + label
	}
	return text
}

// inverse is the change that takes o back.
func (o Op) inverse() Op {
	if o.Verb == Add {
		return Op{Verb: Del, Addr: o.Addr}
	}
	return Op{Verb: Add, Addr: o.Addr}
}

// Plan returns what turns have into want, additions first. have are all the
// addresses of the devices in question, from [List]; those that are not ours
// are never removed. Nothing is planned where nothing differs.
func Plan(have, want []Addr) []Op {
	var ops []Op
	present := slices.Clone(have)
	for _, w := range want {
		if !slices.ContainsFunc(present, w.same) {
			present = append(present, w)
			ops = append(ops, Op{Add, w})
		}
	}
	for _, h := range have {
		if h.Ours && !slices.ContainsFunc(want, h.same) {
			ops = append(ops, Op{Del, h})
		}
	}
	return ops
}
