package directory

import (
	"iter"
	"strings"
	"sync"

	"github.com/tidwall/btree"
)

// tree is a sorted map of which a copy costs nothing: the two share all that neither
// changes. Those who read one that nobody changes need no lock.
type tree[V any] struct {
	copying sync.Mutex // a copy marks its original too
	m       *btree.Map[string, V]
}

func newTree[V any]() *tree[V] { return &tree[V]{m: new(btree.Map[string, V])} }

func (t *tree[V]) copy() *tree[V] {
	t.copying.Lock()
	defer t.copying.Unlock()
	return &tree[V]{m: t.m.Copy()}
}

// get returns the value of a name, and the zero one if there is none.
func (t *tree[V]) get(name string) V {
	v, _ := t.m.Get(name)
	return v
}

// count is how many names begin with a prefix.
func (t *tree[V]) count(prefix string) (n int) {
	for range t.under(prefix) {
		n++
	}
	return n
}

// under are the values of all names that begin with a prefix, in the order of the names.
func (t *tree[V]) under(prefix string) iter.Seq[V] {
	return func(yield func(V) bool) {
		t.m.Ascend(prefix, func(name string, v V) bool { return strings.HasPrefix(name, prefix) && yield(v) })
	}
}
