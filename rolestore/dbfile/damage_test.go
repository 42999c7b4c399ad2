package dbfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/rolestore/seal"
)

// TestDamageIsFoundOrHarmless changes a good file in many places. Each time it
// is refused as damaged, or it has its exact content and goes on working.
func TestDamageIsFoundOrHarmless(t *testing.T) {
	k := newKeyring(t)
	path := filepath.Join(t.TempDir(), "good.db")
	want := fill(t, path, k)
	good, err := os.ReadFile(path)
	must(t, err)
	// Every byte of the heads and of the pages' beginnings; elsewhere a stride.
	page := os.Getpagesize()
	var offsets []int
	for i := range good {
		if i%page < 40 || i < 2*page && i%page < 96 || i%97 == 0 {
			offsets = append(offsets, i)
		}
	}
	d := damageTest{keyring: k, want: want, path: filepath.Join(t.TempDir(), "test.db")}
	for _, i := range offsets {
		data := bytes.Clone(good)
		data[i] ^= 1 << (i % 8)
		d.try(t, fmt.Sprintf("bit %d of byte %d flipped", i%8, i), data)
	}
	for i := 0; i < len(good); i += page {
		data := bytes.Clone(good)
		clear(data[i : i+page])
		d.try(t, fmt.Sprintf("page at %d zeroed", i), data)
		copy(data[i:], good[2*page:3*page])
		d.try(t, fmt.Sprintf("page at %d overwritten by another", i), data)
	}
	for size := 0; size < len(good); size += 509 {
		d.try(t, fmt.Sprintf("cut to %d bytes", size), good[:size])
	}
	d.try(t, "a text file", bytes.Repeat([]byte("not a database\n"), 2000))
	if d.harmless == 0 || d.found < 500 {
		t.Errorf("%d damages were found and %d harmless: the test tries too little", d.found, d.harmless)
	}
	t.Logf("%d found, %d harmless", d.found, d.harmless)
}

type damageTest struct {
	keyring         *seal.Keyring
	want            content
	path            string
	found, harmless int
}

func (d *damageTest) try(t *testing.T, name string, data []byte) {
	t.Helper()
	must(t, os.WriteFile(d.path, data, 0o600))
	f, err := Open(Options{Path: d.path, Keyring: d.keyring, Kind: "test"})
	var damaged *DamagedError
	switch {
	case errors.As(err, &damaged):
		d.found++
		if after, _ := os.ReadFile(d.path); !bytes.Equal(after, data) {
			t.Errorf("%s: the file was written to", name)
		}
		return
	case err != nil:
		t.Errorf("%s: Open = %v, want a DamagedError", name, err)
		return
	}
	d.harmless++
	f.db.NoSync = true // thousands of times
	for _, put := range []string{"one", "two"} {
		if err := f.Update(func(tx *Tx) error { return tx.Put("after", put, []byte(put)) }); err != nil {
			t.Errorf("%s: Update = %v", name, err)
		}
	}
	must(t, f.Close())
	f = open(t, d.path, d.keyring)
	got, err := read(f)
	want := maps.Clone(d.want)
	maps.Copy(want, content{"after/one": "one", "after/two": "two"})
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("%s: silently wrong: %d values, %v", name, len(got), err)
	}
	must(t, f.Close())
}

// TestFaultInAnOpenFileIsDamage cuts a file under a running bbolt, which then
// reads pages that are mapped but not there: the root's, a leaf's, or one in the
// midst of a value that spans several.
func TestFaultInAnOpenFileIsDamage(t *testing.T) {
	path, k := filepath.Join(t.TempDir(), "test.db"), newKeyring(t)
	want := fill(t, path, k)
	want["large/key"] = strings.Repeat("large", 10_000)
	f := open(t, path, k)
	must(t, f.Update(func(tx *Tx) error { return tx.Put("large", "key", []byte(want["large/key"])) }))
	must(t, f.Close())
	good, err := os.ReadFile(path)
	must(t, err)
	var damaged *DamagedError
	var found, harmless int
	for size := 0; size < len(good); size += os.Getpagesize() {
		f := open(t, path, k)
		must(t, os.Truncate(path, int64(size)))
		switch got, err := read(f); {
		case err == nil && maps.Equal(got, want):
			harmless++
		case errors.As(err, &damaged):
			found++
			// bbolt's locks must not matter from now on.
			if _, err := read(f); !errors.As(err, &damaged) {
				t.Errorf("cut to %d: the second View = %v, want a DamagedError", size, err)
			}
			if err := f.Update(func(tx *Tx) error { return tx.Put("b", "k", nil) }); !errors.As(err, &damaged) {
				t.Errorf("cut to %d: Update = %v, want a DamagedError", size, err)
			}
		default:
			t.Errorf("cut to %d: %d values, %v", size, len(got), err)
		}
		must(t, f.Close())
		must(t, os.WriteFile(path, good, 0o600)) // the next open finds the lock free
	}
	if found < 10 || harmless == 0 {
		t.Errorf("%d damages were found and %d harmless: the test tries too little", found, harmless)
	}
}

// FuzzCheck holds that no file makes the check panic, hang or read outside.
func FuzzCheck(f *testing.F) {
	path := filepath.Join(f.TempDir(), "test.db")
	must(f, open(f, path, newKeyring(f)).Close())
	small, err := os.ReadFile(path)
	must(f, err)
	f.Add(small, uint16(0), byte(0))
	f.Add(small, uint16(3*os.Getpagesize()+16), byte(0xff))
	f.Add([]byte("text"), uint16(1), byte(1))
	f.Fuzz(func(t *testing.T, data []byte, at uint16, flip byte) {
		if int(at) < len(data) {
			data[at] ^= flip
		}
		err := check(bytes.NewReader(data), int64(len(data)))
		if err == nil && len(data) < 4*minPageSize || errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%d bytes: %v", len(data), err)
		}
	})
}
