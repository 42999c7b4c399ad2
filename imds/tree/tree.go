package tree

import (
	"slices"
	"strings"

	"github.com/rolecall/rolecall/rolestore"
	"github.com/rolecall/rolecall/rolestore/identity"
)

// Tree is what one instance can ask for. Get one by [New].
type Tree struct {
	nodes map[string]*node // by path below the version; "" is the version itself
}

// node is a leaf, or a directory if it has children.
type node struct {
	Node
	name     string  // in its directory
	entry    string  // how the directory lists it
	since    string  // of a directory: that of its oldest leaf
	children []*node // by name
}

// New returns the tree of an instance, with its identity document as the core has
// signed it, or the zero value if it has not.
func New(i rolestore.Instance, s identity.Signed) *Tree {
	t := &Tree{nodes: make(map[string]*node)}
	i.NetworkInterfaces = i.Interfaces() // with their defaults, once for all rows
	for _, r := range slices.Concat(rows, networkRows) {
		for _, it := range r.items(i) {
			leaf := &node{since: r.since, Node: Node{Kind: r.kind}}
			if r.kind == Text || r.kind == Opaque {
				leaf.Body = []byte(it.text)
			}
			t.add(strings.Replace(r.path, each, it.name, 1), leaf)
			if it.entry != "" {
				before, _, _ := strings.Cut(r.path, each)
				t.nodes[before+it.name].entry = it.entry
			}
		}
	}
	t.addIdentity(i, s)
	t.addNoTags()
	for _, n := range t.nodes {
		if n.Directory {
			n.Body = n.listing(Latest)
		}
	}
	return t
}

// add puts a leaf into the tree, and into the directories above it.
func (t *Tree) add(path string, n *node) {
	t.nodes[path] = n
	for path != "" {
		dir, name := "", path
		if i := strings.LastIndexByte(path, '/'); i >= 0 {
			dir, name = path[:i], path[i+1:]
		}
		parent := t.nodes[dir]
		if parent == nil {
			parent = &node{since: n.since, Node: Node{Directory: true}}
			t.nodes[dir] = parent
		}
		parent.since = min(parent.since, n.since)
		if n.name == "" {
			n.name, n.entry = name, name
			if n.Directory && dir != "" { // EC2 lists categories without a slash
				n.entry += "/"
			}
			parent.link(n)
		}
		path, n = dir, parent
	}
}

// link adds a child in its place.
func (n *node) link(c *node) {
	i, _ := slices.BinarySearchFunc(n.children, c.name, func(c *node, name string) int {
		return strings.Compare(c.name, name)
	})
	n.children = slices.Insert(n.children, i, c)
}

// listing names the children that a version has: direct ones, in alphabetical
// order, line ends between them and none behind the last. (A newline after the
// name of a role breaks SDKs, which put the text into the next request's path.)
func (n *node) listing(version string) []byte {
	var b []byte
	for _, c := range n.children {
		if c.since > version {
			continue
		}
		if len(b) > 0 {
			b = append(b, '\n')
		}
		b = append(b, c.entry...)
	}
	return b
}
