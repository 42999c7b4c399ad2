package network

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/rolecall/rolecall/network/link"
)

// held are the guarded devices that are there, by their indexes: one that is renamed, be
// it while no agent runs, is guarded as before.
type held struct {
	notes map[int]note
	of    map[string][]int // by the guarded name
}

// note says which device an index was, as the kernel may give it to another. It is on
// record in the kernel's tables.
type note struct {
	name      string // the guarded one
	kind, mac string
}

func newHeld() held { return held{notes: map[int]note{}, of: map[string][]int{}} }

// String is as [parseNote] takes it. No part has a space.
func (n note) String() string { return strings.Join([]string{n.name, n.kind, n.mac}, " ") }

func parseNote(text string) note {
	parts := append(strings.Split(text, " "), "", "")
	return note{parts[0], parts[1], parts[2]}
}

// is reports whether d is the device: by its name, or by what stays when that is changed.
func (n note) is(d link.Device) bool {
	return n.name == d.Name || n.kind == d.Kind && n.mac == d.MAC
}

func (h held) put(index int, n note) {
	if _, again := h.notes[index]; !again {
		h.of[n.name] = append(h.of[n.name], index)
	}
	h.notes[index] = n
}

func (h held) take(index int) {
	name := h.notes[index].name
	delete(h.notes, index)
	if h.of[name] = slices.DeleteFunc(h.of[name], func(i int) bool { return i == index }); len(h.of[name]) == 0 {
		delete(h.of, name)
	}
}

// texts are the notes as they are on record.
func (h held) texts() map[int]string {
	texts := make(map[int]string, len(h.notes))
	for index, n := range h.notes {
		texts[index] = n.String()
	}
	return texts
}

// wards reports whether a device of the name is guarded.
func (p *place) wards(name string) bool {
	return name != loopback && (p.guarded[name] > 0 || p.abandoned[name])
}

// hold guards the device by its index, until it is gone or nobody asks any more for the
// name that it was guarded by first. It is known before it is done, so that it is mended
// if it cannot be done now.
func (p *place) hold(d link.Device) error {
	now := note{d.Name, d.Kind, d.MAC}
	before, again := p.held.notes[d.Index]
	if again {
		now.name = before.name
	}
	if now == before {
		return nil
	}
	p.held.put(d.Index, now)
	if again { // the kernel keeps the first note
		if err := p.guard.UnguardIndex(d.Index); err != nil {
			return err
		}
	}
	return p.guard.GuardIndex(d.Index, now.String())
}

// holdNamed is hold for the device that has the name now, if there is one.
func (p *place) holdNamed(name string) error {
	d, err := link.Find(name)
	if errors.Is(err, link.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return p.hold(d)
}

// letGo ends hold.
func (p *place) letGo(index int) error {
	p.held.take(index)
	return p.guard.UnguardIndex(index)
}

// unguard ends the guard of a name, and of the devices that had it, but for one that has
// got another guarded name.
func (p *place) unguard(name string) error {
	errs := []error{p.guard.Unguard(name)}
	for _, index := range slices.Clone(p.held.of[name]) {
		errs = append(errs, p.letGo(index))
		if d, err := link.At(index); err == nil && p.wards(d.Name) {
			errs = append(errs, p.hold(d))
		}
	}
	return errors.Join(errs...)
}

// recallHeld takes over what an earlier process held. What is gone since is held no more,
// and neither is what another device has the index of.
func (p *place) recallHeld() error {
	texts, err := p.guard.GuardedIndexes()
	if err != nil {
		return err
	}
	for index, text := range texts {
		n := parseNote(text)
		d, err := link.At(index)
		switch {
		case errors.Is(err, link.ErrNotFound), err == nil && !n.is(d):
			err = p.guard.UnguardIndex(index)
		case err == nil:
			p.held.put(index, n)
		}
		if err != nil {
			return err
		}
	}
	return p.guard.Flush()
}

// followHeld goes by a device that came, changed or went, or of which it is not known that
// it did not go. s.mu is held.
func (s *State) followHeld(p *place, index int, name string, gone bool) {
	_, holds := p.held.notes[index]
	if !holds && !p.wards(name) || !s.looksAfter(p) {
		return
	}
	err := p.do(func() error {
		d, err := link.At(index)
		absent := errors.Is(err, link.ErrNotFound)
		if err != nil && !absent {
			return err
		}
		if holds && (absent || gone) {
			holds = false
			s.untidy[p] = struct{}{}
			if err := p.letGo(index); err != nil {
				return err
			}
		}
		if !absent && (holds || p.wards(d.Name)) {
			return p.hold(d)
		}
		return nil
	})
	if err != nil {
		s.logger.Error("a device is not guarded by its index yet, and it is tried again", "device", name, "netns", p.path, "err", err)
	}
}

// lookForHeld is [State.followHeld] for all devices.
func (s *State) lookForHeld(p *place) {
	var devices []link.Device
	err := p.do(func() (err error) { devices, err = link.Devices(); return err })
	if err != nil {
		s.logger.Error("the devices cannot be listed, and it is tried again", "netns", p.path, "err", err)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	left := maps.Clone(p.held.notes)
	for _, d := range devices {
		n, holds := left[d.Index]
		delete(left, d.Index)
		if !holds || n != (note{n.name, d.Kind, d.MAC}) {
			s.followHeld(p, d.Index, d.Name, holds && !n.is(d))
		}
	}
	for index, n := range left {
		s.followHeld(p, index, n.name, false)
	}
}
