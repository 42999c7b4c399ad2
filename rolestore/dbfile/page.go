package dbfile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
)

// What follows is bbolt's file format, version 2, in the byte order of the
// machine (go.etcd.io/bbolt/internal/common):
//
//	page     id 8 | flags 2 | count 2 | overflow 4 | elements | their keys and values
//	meta     magic 4 | version 4 | page size 4 | flags 4 | root 8 | sequence 8 |
//	         freelist 8 | pages 8 | transaction 8 | FNV-1a of all before 8
//	branch   position 4 | key size 4 | page 8
//	leaf     flags 4 | position 4 | key size 4 | value size 4
//	bucket   root page 8, or 0 if a whole page follows in place | sequence 8
const (
	headSize    = 16 // of a page, an element and a bucket alike
	metaSize    = 64
	metaSummed  = 56
	magic       = 0xED0CDAED
	fileVersion = 2

	branchPage   = 0x01
	leafPage     = 0x02
	freelistPage = 0x10
	bucketValue  = 0x01

	// Page sizes are those of machines that Linux runs on.
	minPageSize = 1 << 10
	maxPageSize = 64 << 10

	// manyFree in a freelist's count says that the first entry is the count.
	manyFree = 0xFFFF
)

var order = binary.NativeEndian

// meta is the root of one of the last two transactions.
type meta struct {
	pageSize              int64
	root, freelist, pages uint64
	transaction           uint64
}

func readMeta(file io.ReaderAt, offset int64) (meta, error) {
	var page [headSize + metaSize]byte
	if _, err := file.ReadAt(page[:], offset); err != nil {
		return meta{}, fmt.Errorf("read its head: %w", err)
	}
	b := page[headSize:]
	if order.Uint32(b) != magic || order.Uint32(b[4:]) != fileVersion {
		return meta{}, errors.New("it is not a bbolt file")
	}
	sum := fnv.New64a()
	_, _ = sum.Write(b[:metaSummed])
	if sum.Sum64() != order.Uint64(b[metaSummed:]) {
		return meta{}, errors.New("bad checksum in its head")
	}
	m := meta{
		pageSize:    int64(order.Uint32(b[8:])),
		root:        order.Uint64(b[16:]),
		freelist:    order.Uint64(b[32:]),
		pages:       order.Uint64(b[40:]),
		transaction: order.Uint64(b[48:]),
	}
	if m.pageSize < minPageSize || m.pageSize > maxPageSize || m.pageSize&(m.pageSize-1) != 0 {
		return meta{}, fmt.Errorf("page size %d", m.pageSize)
	}
	return m, nil
}

// element is an entry of a branch or a leaf.
type element struct {
	key   []byte
	child uint64 // of a branch
	flags uint32 // of a leaf, as value is
	value []byte
}

// elements returns the entries of a page. bbolt writes keys and values without a
// gap right behind the elements, so that a changed count or size shows.
func elements(page []byte) ([]element, error) {
	branch := order.Uint16(page[8:]) == branchPage
	all := make([]element, order.Uint16(page[10:]))
	end := headSize + headSize*len(all)
	if end > len(page) {
		return nil, fmt.Errorf("%d elements do not fit", len(all))
	}
	for i := range all {
		at := headSize + headSize*i
		e := page[at : at+headSize]
		var position, keySize, valueSize uint32
		if branch {
			position, keySize, all[i].child = order.Uint32(e), order.Uint32(e[4:]), order.Uint64(e[8:])
		} else {
			all[i].flags, position = order.Uint32(e), order.Uint32(e[4:])
			keySize, valueSize = order.Uint32(e[8:]), order.Uint32(e[12:])
		}
		if int64(at)+int64(position) != int64(end) || keySize == 0 || int64(keySize)+int64(valueSize) > int64(len(page)-end) {
			return nil, fmt.Errorf("element %d is out of place", i)
		}
		all[i].key = page[end : end+int(keySize)]
		end += int(keySize)
		all[i].value = page[end : end+int(valueSize)]
		end += int(valueSize)
	}
	return all, nil
}
