package tree

import (
	"slices"
	"strings"

	"github.com/rolecall/rolecall/rolestore"
)

// Tree is what one instance can ask for. Get one by [New].
type Tree struct {
	nodes map[string]*node // by path below the version; "" is the version itself
}

// node is a leaf, or a directory if it has children.
type node struct {
	Node
	since    string  // of a directory: that of its oldest leaf
	children []child // by name
}

type child struct{ name, entry, since string }

// New returns the tree of an instance.
func New(i rolestore.Instance) *Tree {
	t := &Tree{nodes: make(map[string]*node)}
	for _, l := range leaves {
		text := l.text(i)
		if text == "" {
			continue
		}
		n := &node{since: l.since, Node: Node{Live: l.live}}
		if l.live == Static {
			n.Body = []byte(text)
		}
		t.add(strings.Replace(l.path, roleName, role(i), 1), n)
	}
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
		entry := name
		if t.nodes[path].Directory && dir != "" { // EC2 lists categories without a slash
			entry += "/"
		}
		parent.link(child{name, entry, n.since})
		path = dir
	}
}

// link adds a child in its place, or makes a known one as old as c.
func (n *node) link(c child) {
	i, found := slices.BinarySearchFunc(n.children, c.name, func(c child, name string) int {
		return strings.Compare(c.name, name)
	})
	if found {
		n.children[i].since = min(n.children[i].since, c.since)
		return
	}
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
