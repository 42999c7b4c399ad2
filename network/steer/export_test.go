package steer

// Alone has the guard do as on a kernel that adds no device to a chain that is there.
func (g *Guard) Alone() *Guard {
	g.shares = new(bool)
	return g
}
