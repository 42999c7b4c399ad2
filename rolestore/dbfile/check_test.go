package dbfile

import (
	"bytes"
	"hash/fnv"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// image is the bytes of a file that fill has made.
type image []byte

func (m image) page(id uint64) []byte {
	return m[int(id)*os.Getpagesize():][:os.Getpagesize()]
}

// head returns the newest meta or the other one.
func (m image) head(newest bool) []byte {
	a, b := m.page(0)[headSize:][:metaSize], m.page(1)[headSize:][:metaSize]
	if (order.Uint64(a[48:]) > order.Uint64(b[48:])) == newest {
		return a
	}
	return b
}

func (m image) root() []byte     { return m.page(order.Uint64(m.head(true)[16:])) }
func (m image) freelist() []byte { return m.page(order.Uint64(m.head(true)[32:])) }

// many is the root of the bucket that has a branch, leaf the i-th below it.
func (m image) many(t *testing.T) []byte {
	t.Helper()
	all, err := elements(m.root())
	must(t, err)
	return m.page(order.Uint64(all[2].value))
}

func (m image) leaf(t *testing.T, i int) []byte {
	t.Helper()
	all, err := elements(m.many(t))
	must(t, err)
	return m.page(all[i].child)
}

// sum makes a changed head valid.
func sum(head []byte) {
	h := fnv.New64a()
	_, _ = h.Write(head[:metaSummed])
	order.PutUint64(head[metaSummed:], h.Sum64())
}

// entry is the i-th element itself, without key and value.
func entry(page []byte, i int) []byte { return page[headSize*(1+i):][:headSize] }

func key(t *testing.T, page []byte, i int) []byte {
	t.Helper()
	all, err := elements(page)
	must(t, err)
	return all[i].key
}

func value(t *testing.T, page []byte, i int) []byte {
	t.Helper()
	all, err := elements(page)
	must(t, err)
	return all[i].value
}

// TestCheckRefuses changes one thing at a time that chance would hardly hit, or
// that a valid checksum covers.
func TestCheckRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	fill(t, path, newKeyring(t))
	good, err := os.ReadFile(path)
	must(t, err)
	must(t, check(bytes.NewReader(good), int64(len(good))))
	for name, c := range map[string]struct {
		change func(m image)
		want   string
	}{
		"a head from long ago": {func(m image) {
			h := m.head(false)
			order.PutUint64(h[48:], order.Uint64(h[48:])-1)
			sum(h)
		}, "do not follow"},
		"more pages than the file has": {func(m image) { order.PutUint64(m.head(true)[40:], 1<<60); sum(m.head(true)) }, "it is cut"},
		"a page size of 0":             {func(m image) { h := m.page(0)[headSize:]; order.PutUint32(h[8:], 0); sum(h) }, "page size 0"},
		"another program's magic":      {func(m image) { h := m.page(0)[headSize:]; order.PutUint32(h, 1); sum(h) }, "not a bbolt file"},
		"a page that is its own child": {func(m image) {
			copy(entry(m.many(t), 1)[8:], m.many(t)[:8])
		}, "used twice"},
		"a page far outside":               {func(m image) { order.PutUint64(entry(m.many(t), 1)[8:], 1<<62) }, "page"},
		"a branch key above its leaf":      {func(m image) { copy(key(t, m.many(t), 1), key(t, m.leaf(t, 1), 1)) }, "out of order"},
		"a leaf key above the next leaf":   {func(m image) { copy(key(t, m.leaf(t, 0), 1), "i-99999") }, "out of order"},
		"the same key twice":               {func(m image) { l := m.leaf(t, 0); copy(key(t, l, 1), key(t, l, 0)) }, "out of order"},
		"a bucket among values":            {func(m image) { order.PutUint32(entry(m.leaf(t, 0), 0), bucketValue) }, "has flags 0x1"},
		"a value among buckets":            {func(m image) { order.PutUint32(entry(m.root(), 0), 0) }, "is none"},
		"a bucket that is too short":       {func(m image) { order.PutUint32(entry(m.root(), 2)[12:], 8) }, "is none"},
		"a bucket with no page":            {func(m image) { clear(value(t, m.root(), 2)[:8]) }, "has no page"},
		"a bucket with a branch in place":  {func(m image) { order.PutUint16(value(t, m.root(), 1)[headSize+8:], branchPage) }, "has no page"},
		"a key of no bytes":                {func(m image) { e := entry(m.root(), 2); e[12] += e[8]; e[8] = 0 }, "out of place"},
		"one element less":                 {func(m image) { m.leaf(t, 0)[10]-- }, "out of place"},
		"more elements than fit":           {func(m image) { order.PutUint16(m.leaf(t, 0)[10:], 0xFFFF) }, "do not fit"},
		"a value that does not fit":        {func(m image) { order.PutUint32(entry(m.root(), 2)[12:], 1<<31) }, "out of place"},
		"a branch without leaves":          {func(m image) { order.PutUint16(m.many(t)[10:], 0) }, "without leaves"},
		"a list of free pages in the tree": {func(m image) { order.PutUint16(m.leaf(t, 0)[8:], freelistPage) }, "neither"},
		"a leaf as the list of free pages": {func(m image) { order.PutUint16(m.freelist()[8:], leafPage) }, "list of free pages"},
		"more free pages than are listed":  {func(m image) { order.PutUint16(m.freelist()[10:], 0xFFFE) }, "list of free pages"},
		"far more free pages than are listed": {func(m image) {
			order.PutUint16(m.freelist()[10:], manyFree)
			order.PutUint64(m.freelist()[headSize:], 1<<40)
		}, "list of free pages"},
		"a free page that is in use": {func(m image) { copy(m.freelist()[headSize:], m.leaf(t, 0)[:8]) }, "used twice"},
		"a free page that is a head": {func(m image) { order.PutUint64(m.freelist()[headSize:], 1) }, "lies outside"},
	} {
		t.Run(name, func(t *testing.T) {
			m := image(bytes.Clone(good))
			c.change(m)
			err := check(bytes.NewReader(m), int64(len(m)))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("check = %v, want %q", err, c.want)
			}
		})
	}
}
