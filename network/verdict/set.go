package verdict

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// set is a set, or a map from its elements to data or to verdicts.
type set struct {
	keyLen   int
	parts    []int // the lengths of the key's parts, if it has several
	verdicts bool  // whether it is a map to verdicts
	elements []element
	other    *element // what holds for every key that is in none of them
}

// element is all keys between two, in each part of the key.
type element struct {
	from, to []byte
	data     []byte
	decision decision
	limited  bool // depends on more than the key
}

func (r *Ruleset) addSet(socket *netlink.Conn, m message) error {
	f := m.fields
	s := &set{keyLen: int(f.number(unix.NFTA_SET_KEY_LEN))}
	s.verdicts = f.number(unix.NFTA_SET_DATA_TYPE) == unix.NFT_DATA_VERDICT
	parts, err := f.inside(unix.NFTA_SET_DESC).list(setDescConcat)
	if err != nil {
		return err
	}
	for _, p := range parts {
		s.parts = append(s.parts, int(p.number(setFieldLen)))
	}
	answers, err := ask(socket, unix.NFT_MSG_GETSETELEM, netlink.Dump, &message{m.family, fields{
		unix.NFTA_SET_ELEM_LIST_TABLE: f[unix.NFTA_SET_TABLE],
		unix.NFTA_SET_ELEM_LIST_SET:   f[unix.NFTA_SET_NAME],
	}})
	if err != nil {
		return err
	}
	var bounds []bound
	for _, a := range answers {
		elements, err := a.fields.list(unix.NFTA_SET_ELEM_LIST_ELEMENTS)
		if err != nil {
			return err
		}
		for _, e := range elements {
			bounds = append(bounds, s.bound(e)...)
		}
	}
	if f.number(unix.NFTA_SET_FLAGS)&unix.NFT_SET_INTERVAL != 0 && len(s.parts) < 2 {
		bounds = s.intervals(bounds)
	}
	for _, b := range bounds {
		s.elements = append(s.elements, b.element)
	}
	slices.SortFunc(s.elements, func(a, b element) int { return bytes.Compare(a.from, b.from) })
	r.sets[setID{table{m.family, f.text(unix.NFTA_SET_TABLE)}, f.text(unix.NFTA_SET_NAME)}] = s
	return nil
}

// bound is an element as the kernel lists it. Of a set of intervals, that is where
// one begins, or the first key that is behind one.
type bound struct {
	element
	end bool
}

func (s *set) bound(f fields) []bound {
	e := element{from: f.value(unix.NFTA_SET_ELEM_KEY), data: f.value(unix.NFTA_SET_ELEM_DATA)}
	e.to = e.from
	if f.has(setElemKeyEnd) {
		e.to = f.value(setElemKeyEnd)
	}
	e.decision, _ = f.decision(unix.NFTA_SET_ELEM_DATA)
	e.limited = f.has(setElemExprs) || f.has(unix.NFTA_SET_ELEM_EXPR) && f.inside(unix.NFTA_SET_ELEM_EXPR).text(unix.NFTA_EXPR_NAME) != "counter"
	flags := f.number(unix.NFTA_SET_ELEM_FLAGS)
	if flags&setElemCatchall != 0 {
		s.other = &e
		return nil
	}
	return []bound{{e, flags&unix.NFT_SET_ELEM_INTERVAL_END != 0}}
}

// intervals makes elements of where intervals begin and end.
func (s *set) intervals(bounds []bound) []bound {
	slices.SortFunc(bounds, func(a, b bound) int {
		if c := bytes.Compare(a.from, b.from); c != 0 {
			return c
		}
		return cmp.Compare(order(a), order(b))
	})
	var whole []bound
	for i, b := range bounds {
		if b.end {
			continue
		}
		b.to = bytes.Repeat([]byte{0xff}, len(b.from))
		if i+1 < len(bounds) {
			b.to = before(bounds[i+1].from)
		}
		whole = append(whole, b)
	}
	return whole
}

// order has an interval end before the next begins at the same key.
func order(b bound) int {
	if b.end {
		return 0
	}
	return 1
}

// before is the key before this one.
func before(key []byte) []byte {
	key = slices.Clone(key)
	for i := len(key) - 1; i >= 0; i-- {
		key[i]--
		if key[i] != 0xff {
			break
		}
	}
	return key
}

// find returns whether the key is in the set, and all elements that may be the one.
func (s *set) find(key value) (answer, []element) {
	var found []element
	for _, e := range s.elements {
		switch in := s.holds(e, key); {
		case in == yes && !e.limited:
			return yes, append(found, e)
		case in != no:
			found = append(found, e)
		}
	}
	switch {
	case s.other != nil:
		return yes, append(found, *s.other)
	case len(found) > 0:
		return perhaps, found
	}
	return no, nil
}

func (s *set) holds(e element, key value) answer {
	if len(e.from) != s.keyLen || len(e.to) != s.keyLen {
		return perhaps
	}
	if len(s.parts) < 2 || bytes.Equal(e.from, e.to) {
		return key.within(e.from, e.to)
	}
	in, offset := yes, 0
	for _, n := range s.parts { // each begins in a register of its own
		end := min(offset+n, s.keyLen)
		in = min(in, key.at(offset, end-offset).within(e.from[offset:end], e.to[offset:end]))
		offset = min((end+3)&^3, s.keyLen)
	}
	return in
}
