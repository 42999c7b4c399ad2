package network

import (
	"errors"

	"github.com/rolecall/rolecall/network/link"
)

// renamed undoes what was made on the stand's device if that has another name now. Its
// guest is behind it as before, and is kept from other metadata services under that name
// too, as long as those who were attached there are wanted.
func (st *stand) renamed() error {
	if st.index == 0 || st.device == loopback {
		return nil
	}
	name, err := link.Named(st.index)
	if errors.Is(err, link.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, w := range st.users {
		if err := st.place.watch(w, name); err != nil {
			return err
		}
	}
	have, err := link.List(name, st.place.placed[st.device])
	if errors.Is(err, link.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return link.Apply(link.Plan(have, nil))
}
