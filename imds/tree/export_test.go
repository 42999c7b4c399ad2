package tree

import (
	"maps"
	"slices"
	"strings"
)

// Paths are all that t has a node for, below the version.
func (t *Tree) Paths() []string { return slices.Sorted(maps.Keys(t.nodes)) }

// Versions are those that EC2 lists.
func Versions() []string { return versions }

// Rows are the paths of the table, with * for each name.
func Rows() []string {
	var paths []string
	for _, r := range slices.Concat(rows, networkRows) {
		paths = append(paths, strings.ReplaceAll(r.path, each, "*"))
	}
	return paths
}
