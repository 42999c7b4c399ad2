package dbfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// check walks the whole file before bbolt may map it into memory. bbolt's own
// check is no help against damage: it runs in a goroutine of its own, where a
// fault ends the process, and it follows a page that contains itself until the
// stack is used up.
//
// It asks for more than bbolt does. Both heads must be valid: bbolt silently
// takes the older one, and with it the state before the last transaction; but a
// head lies within one disk sector, so a power cut leaves the old one or the new
// one. Buckets must lie in the root and hold values only, as ours do. Pages that
// nobody uses are harmless and allowed.
func check(file io.ReaderAt, size int64) error {
	first, err := readMeta(file, 0)
	if err != nil {
		return err
	}
	second, err := readMeta(file, first.pageSize)
	if err != nil {
		return err
	}
	newest, oldest := first, second
	if second.transaction > first.transaction {
		newest, oldest = second, first
	}
	if newest.transaction != oldest.transaction+1 || newest.pageSize != oldest.pageSize {
		return errors.New("its two heads do not follow one another")
	}
	if newest.pages > uint64(size/newest.pageSize) {
		return fmt.Errorf("it is cut to %d bytes, want %d pages of %d", size, newest.pages, newest.pageSize)
	}
	c := checker{file: file, pageSize: newest.pageSize, used: make([]bool, newest.pages)}
	if err := c.tree(newest.root, nil, nil, c.bucket); err != nil {
		return err
	}
	return c.freelist(newest.freelist)
}

type checker struct {
	file     io.ReaderAt
	pageSize int64
	used     []bool // by page: seen in the tree or the freelist; no page may be twice
}

// tree checks the page and all below it. Keys must ascend within [low, high), a
// nil high being no bound; leaf sees each entry of the leaves.
func (c *checker) tree(id uint64, low, high []byte, leaf func(element) error) error {
	page, err := c.page(id)
	if err != nil {
		return err
	}
	if err := c.node(page, low, high, leaf); err != nil {
		return fmt.Errorf("page %d: %w", id, err)
	}
	return nil
}

func (c *checker) node(page, low, high []byte, leaf func(element) error) error {
	kind := order.Uint16(page[8:])
	if kind != branchPage && kind != leafPage {
		return fmt.Errorf("flags %#x are neither a branch's nor a leaf's", kind)
	}
	entries, err := elements(page)
	if err != nil {
		return err
	}
	if kind == branchPage && len(entries) == 0 {
		return errors.New("a branch without leaves")
	}
	for i, e := range entries {
		next := high
		if i+1 < len(entries) {
			next = entries[i+1].key
		}
		if bytes.Compare(e.key, low) < 0 || next != nil && bytes.Compare(e.key, next) >= 0 {
			return fmt.Errorf("element %d is out of order", i)
		}
		if kind == branchPage {
			err = c.tree(e.child, e.key, next, leaf)
		} else {
			err = leaf(e)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// bucket checks an entry of the root and what lies in it.
func (c *checker) bucket(e element) error {
	if e.flags != bucketValue || len(e.value) < headSize {
		return fmt.Errorf("bucket %q is none", e.key)
	}
	root, inline := order.Uint64(e.value), e.value[headSize:]
	switch {
	case root != 0:
		return c.tree(root, nil, nil, plain)
	case len(inline) < headSize || order.Uint16(inline[8:]) != leafPage:
		return fmt.Errorf("bucket %q has no page", e.key)
	}
	return c.node(inline, nil, nil, plain)
}

func plain(e element) error {
	if e.flags != 0 {
		return fmt.Errorf("value of %q has flags %#x", e.key, e.flags)
	}
	return nil
}

func (c *checker) freelist(id uint64) error {
	page, err := c.page(id)
	if err != nil {
		return err
	}
	count, ids := uint64(order.Uint16(page[10:])), page[headSize:]
	if count == manyFree {
		count, ids = order.Uint64(ids), ids[8:]
	}
	if order.Uint16(page[8:]) != freelistPage || count > uint64(len(ids)/8) {
		return errors.New("its list of free pages is none")
	}
	for i := range count {
		if err := c.use(order.Uint64(ids[8*i:]), 1); err != nil {
			return err
		}
	}
	return nil
}

// page reads a page with its overflow, once.
func (c *checker) page(id uint64) ([]byte, error) {
	var head [headSize]byte
	if _, err := c.file.ReadAt(head[:], int64(id)*c.pageSize); err != nil {
		return nil, fmt.Errorf("page %d: %w", id, err)
	}
	if order.Uint64(head[:]) != id {
		return nil, fmt.Errorf("page %d is not there", id)
	}
	pages := 1 + uint64(order.Uint32(head[12:]))
	if err := c.use(id, pages); err != nil {
		return nil, err
	}
	page := make([]byte, int64(pages)*c.pageSize)
	_, err := c.file.ReadAt(page, int64(id)*c.pageSize)
	return page, err
}

// use marks pages; the first two are the heads.
func (c *checker) use(id, pages uint64) error {
	if id < 2 || id >= uint64(len(c.used)) || pages > uint64(len(c.used))-id {
		return fmt.Errorf("page %d lies outside", id)
	}
	for p := id; p < id+pages; p++ {
		if c.used[p] {
			return fmt.Errorf("page %d is used twice", p)
		}
		c.used[p] = true
	}
	return nil
}
