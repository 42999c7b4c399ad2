package network

import (
	"net/netip"
	"slices"

	"github.com/rolecall/rolecall/network/link"
)

// rejoin brings back the kernel's own routes to the addresses that the device has of us
// and is to have. Those that are not there yet get theirs from the kernel.
func (st *stand) rejoin(have, want []link.Thing) error {
	routed := map[netip.Addr]bool{} // without those whose address is gone
	for _, h := range have {
		addr, ok := h.(link.Addr)
		if !ok || !addr.Ours || !slices.Contains(want, link.Thing(link.Metadata(st.device, addr.Prefix.Addr()))) {
			continue
		}
		ip := addr.Prefix.Addr()
		local := link.Local{Addr: addr}
		missing, there, err := local.Mend(st.routed[ip])
		if err != nil {
			return err
		}
		routed[ip] = there
		if missing {
			st.state.mends.add("routes", st.netns(), local.String())
		}
	}
	st.routed = routed
	return nil
}
