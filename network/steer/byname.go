package steer

// ByName are the counters by the names that they have in the kernel.
func (c Counters) ByName() map[string]uint64 {
	named := map[string]uint64{}
	for name, packets := range c.fields() {
		named[name] = *packets
	}
	return named
}
