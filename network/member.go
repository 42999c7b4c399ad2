package network

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/rolecall/rolecall/network/link"
	"github.com/rolecall/rolecall/network/steer"
)

// admitAll tells the kernel which ports the bridge has, if it does not know them yet,
// and who of those concerned may speak from which.
func (st *stand) admitAll(bridge link.Device, concerned []*wanted) error {
	if !st.listed {
		if err := st.listPorts(bridge.Name); err != nil {
			return err
		}
	}
	if err := st.expect(); err != nil {
		return err
	}
	if err := st.place.guard.Share(st.device); err != nil {
		return err
	}
	for _, w := range concerned {
		if w.phase != Lost && w.stand == st {
			st.admit(w)
		}
	}
	return nil
}

// listPorts learns the ports of a bridge. Later ones are told by events.
func (st *stand) listPorts(bridge string) error {
	ports, err := link.Ports(bridge)
	if err != nil {
		return err
	}
	now := map[int]bool{}
	for _, port := range ports {
		if st.exempt(port) {
			continue
		}
		now[port.Index] = true
		if err := st.addPort(port.Index); err != nil {
			return err
		}
	}
	for index, of := range st.place.ports {
		if of == st && !now[index] {
			if err := st.delPort(index); err != nil {
				return err
			}
		}
	}
	st.listed = true
	return nil
}

// plug goes by a device that came, went, or was plugged in elsewhere. s.mu is held.
func (s *State) plug(p *place, name string, index int) {
	if s.closed {
		return
	}
	concerned := slices.Clone(p.members[name])
	err := p.do(func() error {
		port, err := link.Describe(name)
		if err != nil && !errors.Is(err, link.ErrNotFound) {
			return err
		}
		before := p.ports[index]
		now := p.stands[port.Master]
		if now != nil && (!now.bridge() || now.index == 0 || now.exempt(port)) {
			now = nil
		}
		if before != nil && (before != now || port.Index != index) {
			if err := before.delPort(index); err != nil {
				return err
			}
		}
		if now != nil {
			if err := now.addPort(port.Index); err != nil {
				return err
			}
		}
		for _, w := range concerned {
			if w.stand.index != 0 {
				w.stand.admit(w)
			}
		}
		return nil
	})
	if err != nil {
		s.logger.Error("the ports of a bridge are not known, and are looked at again", "device", name, "err", err)
	}
	s.loseLost(concerned)
	for _, w := range concerned {
		s.tell(w)
	}
}

// exempt reports a port by which the host has its own way to another metadata service:
// the answers from there are no forgery. What comes in by it for us is dropped all the
// same, as it is no member's.
func (st *stand) exempt(port link.Device) bool {
	return st.place.bypass && port.Kind == "" // of no driver that the kernel knows as virtual: a network card
}

func (st *stand) addPort(index int) error {
	if st.place.ports[index] == st {
		return nil
	}
	if err := st.place.guard.AddPort(steer.Port{Bridge: st.index, Index: index}); err != nil {
		return err
	}
	st.place.ports[index] = st
	return nil
}

func (st *stand) delPort(index int) error {
	delete(st.place.ports, index)
	return st.place.guard.DelPort(index)
}

// admit lets the kernel pass the packets of w, and sets its phase.
func (st *stand) admit(w *wanted) {
	port, err := link.Describe(w.Member.Port)
	var b Bound
	if err == nil {
		b, err = st.bound(port.Index)
	}
	switch {
	case errors.Is(err, link.ErrNotFound) && w.Bound != (Bound{}) && !w.Follow, err == nil && !w.accepts(b):
		w.lose(fmt.Sprintf("port %s that the instance was bound to is gone: put the instance again, or say reattach: name", w.Member.Port))
		return
	case errors.Is(err, link.ErrNotFound):
		err = st.expel(w)
		w.wait(fmt.Sprintf("port %s is not there yet", w.Member.Port))
	case err == nil && port.Master == "":
		err = st.expel(w)
		w.wait(fmt.Sprintf("device %s is not plugged into %s yet", port.Name, st.device))
	case err == nil && port.Master != st.device:
		err = errors.Join(st.expel(w), fmt.Errorf("device %s is a port of %s and not of %s: name the bridge that it is plugged into", port.Name, port.Master, st.device))
	case err == nil:
		var bridge link.Device
		if bridge, err = link.Describe(st.device); err == nil {
			err = errors.Join(st.place.hold(port), w.unheardFrom(bridge))
		}
		if err != nil {
			err = errors.Join(err, st.expel(w))
		} else if err = st.let(w, port.Index); err == nil {
			w.attached(b)
		}
	}
	if err != nil {
		w.fail(fmt.Errorf("attachment %s: %w", w.Name, err))
	}
}

// let admits w behind the port, and pins its addresses to its MAC.
func (st *stand) let(w *wanted, port int) error {
	next := &admission{}
	var want []link.Thing
	for _, addr := range w.Member.Addrs {
		if !w.serves(addr) {
			continue
		}
		next.members = append(next.members, steer.Member{Port: steer.Port{Bridge: st.index, Index: port}, MAC: w.Member.MAC, Addr: addr})
		want = append(want, link.Neighbour{Device: st.device, Addr: addr, MAC: w.Member.MAC})
	}
	if old := w.member; old != nil && !old.same(next) {
		if err := st.expel(w); err != nil {
			return err
		}
	}
	if w.member == nil {
		if err := st.place.guard.Admit(next.members...); err != nil {
			return err
		}
		w.member = next
		st.place.enrol(w)
	}
	have, err := link.Neighbours(st.device, w.Member.Addrs...)
	if err != nil {
		return err
	}
	ops := link.Plan(have, want)
	if err := link.Apply(ops); err != nil {
		return err
	}
	for _, op := range ops {
		if op.Restores(w.member.had) {
			st.state.mends.add(op.Kind(), st.netns(), op.String())
			continue
		}
		w.member.undo = append(w.member.undo, op)
	}
	w.member.had = want
	for _, m := range next.members {
		st.residents.Store(m.Addr, w)
	}
	return nil
}

// serves reports whether it is served over the address's family.
func (a Attachment) serves(addr netip.Addr) bool {
	return slices.ContainsFunc(a.Served, func(s netip.AddrPort) bool { return s.Addr().Is4() == addr.Is4() })
}

// expel takes back what let did.
func (st *stand) expel(w *wanted) error {
	if w.member == nil {
		return nil
	}
	admitted := w.member
	w.member = nil
	for _, m := range admitted.members {
		st.residents.CompareAndDelete(m.Addr, w)
	}
	stay := st.place.strike(w, admitted)
	return errors.Join(st.place.guard.Expel(stay, admitted.members...), link.Undo(admitted.undo))
}

// keys are what two members may have in common.
func (a *admission) keys() map[string]bool {
	keys := map[string]bool{}
	for _, m := range a.members {
		keys[string(m.MAC)], keys[string(m.Addr.AsSlice())] = true, true
	}
	return keys
}

// enrol notes that w is admitted.
func (p *place) enrol(w *wanted) {
	for key := range w.member.keys() {
		p.kin[key] = append(p.kin[key], w)
	}
}

// strike ends enrol, and returns those who have something in common with w.
func (p *place) strike(w *wanted, admitted *admission) (stay []steer.Member) {
	for key := range admitted.keys() {
		p.kin[key] = slices.DeleteFunc(p.kin[key], func(u *wanted) bool { return u == w })
		for _, u := range p.kin[key] {
			stay = append(stay, u.member.members...)
		}
		if len(p.kin[key]) == 0 {
			delete(p.kin, key)
		}
	}
	return stay
}

func (a *admission) same(b *admission) bool {
	if len(a.members) != len(b.members) {
		return false
	}
	for i, m := range a.members {
		o := b.members[i]
		if m.Port != o.Port || m.Addr != o.Addr || !bytes.Equal(m.MAC, o.MAC) {
			return false
		}
	}
	return true
}
