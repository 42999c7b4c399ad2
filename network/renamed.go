package network

import (
	"errors"

	"github.com/rolecall/rolecall/network/link"
)

// renamed undoes what was made on the stand's device if that has another name now, since
// an earlier process too. Its guest is behind it as before, and is kept from other metadata
// services, as the device is held.
func (st *stand) renamed() error {
	for _, index := range st.place.held.of[st.device] {
		name, err := link.Named(index)
		if errors.Is(err, link.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		if st.place.placed[name] != nil { // for whom it is attached to under that name
			continue
		}
		have, err := link.List(name, st.place.placed[st.device])
		if errors.Is(err, link.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		if err := link.Apply(link.Plan(have, nil)); err != nil {
			return err
		}
	}
	return nil
}
