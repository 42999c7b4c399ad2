package tree

// Node is what a path leads to.
type Node struct {
	// Kind says what it answers with; of a directory it is [Text]. Where the server
	// has to fill it in, Body is nil.
	Kind Kind
	// Directory reports that Body lists the children, one a line.
	Directory bool
	// Body is a leaf's text or a directory's list. It must not be changed.
	Body []byte
}

// Lookup returns what path, as a request names it, leads to, and whether it
// leads anywhere. See [Split] for the slashes that it overlooks. Paths are not
// cleaned: "." and ".." are names like others, that nothing has.
func (t *Tree) Lookup(path string) (Node, bool) {
	version, rest := Split(path)
	if version == "" {
		return Node{Directory: true, Body: versionList}, true
	}
	n, ok := t.nodes[rest]
	if !ok || n.since > version || !IsVersion(version) {
		return Node{}, false
	}
	if n.Directory && version != Latest {
		return Node{Directory: true, Body: n.listing(version)}, true
	}
	return n.Node, true
}
