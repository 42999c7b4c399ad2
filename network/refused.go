package network

import (
	"fmt"

	"github.com/rolecall/rolecall/network/steer"
)

// Refused counts packets for the metadata addresses that the kernel refused, in all
// namespaces, by the reason; see [steer.Counters]. Where nothing was refused there is
// no entry.
func (s *State) Refused() (map[string]uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	refused := map[string]uint64{}
	for _, p := range s.places {
		if !p.ensured || s.closed {
			continue
		}
		var counters steer.Counters
		err := p.do(func() (err error) {
			counters, err = p.guard.Counters()
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("count refused packets: %w", err)
		}
		for reason, packets := range counters.ByName() {
			if packets > 0 {
				refused[reason] += packets
			}
		}
	}
	return refused, nil
}
