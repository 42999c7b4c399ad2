package verdict

import (
	"bytes"
	"encoding/binary"
	"slices"
)

// answer is what is known of a condition.
type answer int

const (
	no answer = iota
	perhaps
	yes
)

func (a answer) not() answer { return yes - a }

// or is what is known where one of two answers is right.
func (a answer) or(b answer) answer {
	if a != b {
		return perhaps
	}
	return a
}

func sure(b bool) answer {
	if b {
		return yes
	}
	return no
}

// value is some bytes, and of each bit whether it is known. Values are not changed:
// what changes one returns another.
type value struct{ bits, known []byte }

func given(b []byte) value { return value{b, bytes.Repeat([]byte{0xff}, len(b))} }

func unknown(n int) value { return value{make([]byte, n), make([]byte, n)} }

func native(n uint32) value { return given(binary.NativeEndian.AppendUint32(nil, n)) }

// at returns some bytes of v. What lies beyond the end is not known.
func (v value) at(offset, n int) value {
	end := min(len(v.bits), offset+n)
	if offset >= end {
		return unknown(n)
	}
	w := unknown(n)
	copy(w.bits, v.bits[offset:end])
	copy(w.known, v.known[offset:end])
	return w
}

// with returns v with w at offset. What lies beyond the end is lost.
func (v value) with(offset int, w value) value {
	v = value{slices.Clone(v.bits), slices.Clone(v.known)}
	if offset < len(v.bits) {
		copy(v.bits[offset:], w.bits)
		copy(v.known[offset:], w.known)
	}
	return v
}

// padded returns v, with zeros up to a multiple of 4 bytes.
func (v value) padded() value {
	zeros := given(make([]byte, -len(v.bits)&3))
	return value{slices.Concat(v.bits, zeros.bits), slices.Concat(v.known, zeros.known)}
}

// bitwise returns v & mask ^ xor.
func (v value) bitwise(mask, xor []byte) value {
	w := unknown(len(v.bits))
	for i := range w.bits {
		m, x := byteAt(mask, i), byteAt(xor, i)
		w.bits[i] = v.bits[i]&m ^ x
		w.known[i] = v.known[i] | ^m
	}
	return w
}

func byteAt(b []byte, i int) byte {
	if i < len(b) {
		return b[i]
	}
	return 0
}

// swapped returns v with the bytes of each part of the size given turned round.
func (v value) swapped(size int) value {
	w := value{slices.Clone(v.bits), slices.Clone(v.known)}
	for i := 0; size > 0 && i+size <= len(w.bits); i += size {
		slices.Reverse(w.bits[i : i+size])
		slices.Reverse(w.known[i : i+size])
	}
	return w
}

// joined is what is known of something that is v or w.
func (v value) joined(w value) value {
	u := unknown(len(v.bits))
	for i := range u.bits {
		u.bits[i] = v.bits[i]
		u.known[i] = v.known[i] & w.known[i] &^ (v.bits[i] ^ w.bits[i])
	}
	return u
}

// is compares, as far as v is known.
func (v value) is(b []byte) answer {
	all := yes
	for i := range b {
		if (v.bits[i]^b[i])&v.known[i] != 0 {
			return no
		}
		if v.known[i] != 0xff {
			all = perhaps
		}
	}
	return all
}

// least and most are the bounds of what v may be.
func (v value) least() []byte {
	b := make([]byte, len(v.bits))
	for i := range b {
		b[i] = v.bits[i] & v.known[i]
	}
	return b
}

func (v value) most() []byte {
	b := make([]byte, len(v.bits))
	for i := range b {
		b[i] = v.bits[i] | ^v.known[i]
	}
	return b
}

// within reports whether v lies between two bounds, both included, as memcmp(3)
// orders bytes.
func (v value) within(from, to []byte) answer {
	if bytes.Equal(from, to) {
		return v.is(from)
	}
	least, most := v.least(), v.most()
	switch {
	case bytes.Compare(most, from) < 0, bytes.Compare(least, to) > 0:
		return no
	case bytes.Compare(least, from) >= 0 && bytes.Compare(most, to) <= 0:
		return yes
	}
	return perhaps
}

// below reports whether v is less than b, or b itself if equal is set.
func (v value) below(b []byte, equal bool) answer {
	bound := 0
	if equal {
		bound = 1
	}
	switch {
	case bytes.Compare(v.most(), b) < bound:
		return yes
	case bytes.Compare(v.least(), b) >= bound:
		return no
	}
	return perhaps
}
