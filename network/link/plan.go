package link

import "slices"

// Verb says what an [Op] does.
type Verb string

// The verbs are those of ip(8).
const (
	Add Verb = "add"
	Del Verb = "del"
)

// Thing is a piece of the state of a network namespace: an [Addr], a [Reply], a
// [Setting] or a [Neighbour].
type Thing interface {
	what() what
	// change adds or removes it. Added twice or removed twice is no error.
	change(Verb) error
	// command is the shell's for the same.
	command(Verb) string
}

// what tells things apart. Both fields are comparable.
type what struct {
	place   any // only one thing can be in it
	content any // nil if all that can be in the place will do
	ours    bool
}

// Op is one change.
type Op struct {
	Verb  Verb
	Thing Thing
}

// String is the command of ip(8) or sysctl(8) that does the same.
func (o Op) String() string { return o.Thing.command(o.Verb) }

// inverse is the change that takes o back.
func (o Op) inverse() Op {
	if o.Verb == Add {
		return Op{Del, o.Thing}
	}
	return Op{Add, o.Thing}
}

// Kind is what is changed, in a word: addresses, routes, neighbours or settings.
func (o Op) Kind() string {
	switch o.Thing.(type) {
	case Addr:
		return "addresses"
	case Neighbour:
		return "neighbours"
	case Setting:
		return "settings"
	}
	return "routes"
}

// Restores reports whether it brings back something of what there was.
func (o Op) Restores(had []Thing) bool {
	return o.Verb == Add && slices.ContainsFunc(had, func(h Thing) bool { return h.what().place == o.Thing.what().place })
}

// replacer is a thing that notes what it is put in the place of, to bring it back.
type replacer interface{ over(have Thing) Thing }

// Plan returns what turns have into want, additions first; only what is ours and
// stands in the way of an addition is removed right before it. have is what
// [List] and [Neighbours] say of the places in question. What is not ours is never
// removed. Nothing is planned where nothing differs.
func Plan(have, want []Thing) []Op {
	var ops []Op
	present := slices.Clone(have)
	for _, w := range want {
		at := slices.IndexFunc(present, func(p Thing) bool { return p.what().place == w.what().place })
		if at < 0 {
			present = append(present, w)
			ops = append(ops, Op{Add, w})
			continue
		}
		in := present[at]
		if in.what().content == w.what().content {
			continue
		}
		if r, ok := w.(replacer); ok {
			w = r.over(in)
		} else if in.what().ours {
			ops = append(ops, Op{Del, in})
		}
		present[at] = w
		ops = append(ops, Op{Add, w})
	}
	for _, h := range have {
		wanted := slices.ContainsFunc(want, func(w Thing) bool { return w.what().place == h.what().place })
		if h.what().ours && !wanted {
			ops = append(ops, Op{Del, h})
		}
	}
	return ops
}
