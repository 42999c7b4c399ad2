package dbfile

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rolecall/rolecall/rolestore/seal"
)

// content is a file's: bucket, a slash, key, and value.
type content map[string]string

func newKeyring(t testing.TB) *seal.Keyring {
	t.Helper()
	k, err := seal.Create(filepath.Join(t.TempDir(), "keys"))
	must(t, err)
	return k
}

func open(t testing.TB, path string, k *seal.Keyring) *File {
	t.Helper()
	f, err := Open(Options{Path: path, Keyring: k, Kind: "test"})
	must(t, err)
	return f
}

// fill makes a file that has branches, inline buckets and free pages.
func fill(t testing.TB, path string, k *seal.Keyring) content {
	t.Helper()
	f := open(t, path, k)
	want := content{}
	must(t, f.Update(func(tx *Tx) error {
		for i := range 160 {
			key, value := fmt.Sprintf("i-%05d", i), strings.Repeat(fmt.Sprint(i), 20)
			want["many/"+key] = value
			if err := tx.Put("many", key, []byte(value)); err != nil {
				return err
			}
		}
		want["few/key"] = ""
		return tx.Put("few", "key", nil)
	}))
	must(t, f.Update(func(tx *Tx) error {
		for i := range 40 {
			key := fmt.Sprintf("i-%05d", i)
			delete(want, "many/"+key)
			if err := tx.Delete("many", key); err != nil {
				return err
			}
		}
		return nil
	}))
	must(t, f.Close())
	return want
}

func read(f *File) (content, error) {
	got := content{}
	err := f.View(func(tx *Tx) error {
		return tx.ForAll(func(bucket, key string, value []byte) error {
			got[bucket+"/"+key] = string(value)
			return nil
		})
	})
	return got, err
}

func TestFileKeepsWhatWasPut(t *testing.T) {
	path, k := filepath.Join(t.TempDir(), "test.db"), newKeyring(t)
	want := fill(t, path, k)
	f := open(t, path, k)
	defer func() { must(t, f.Close()) }()
	got, err := read(f)
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("read %d values, %v; want %d", len(got), err, len(want))
	}
	must(t, f.View(func(tx *Tx) error {
		for _, absent := range [][2]string{{"many", "i-00000"}, {"many", "none"}, {"none", "i-00159"}} {
			if value, err := tx.Get(absent[0], absent[1]); value != nil || err != nil {
				t.Errorf("%v is %q, %v; want nothing", absent, value, err)
			}
		}
		value, err := tx.Get("many", "i-00159")
		if err != nil || string(value) != want["many/i-00159"] {
			t.Errorf("Get = %q, %v", value, err)
		}
		if value, err := tx.Get("few", "key"); value == nil || err != nil {
			t.Errorf("an empty value is %v, %v; want empty, not nil", value, err)
		}
		if tx.Put("few", "x", nil) == nil {
			t.Error("View lets fn put")
		}
		return nil
	}))
	if info, _ := os.Stat(path); info.Mode() != 0o600 {
		t.Errorf("mode %v, want 0600", info.Mode())
	}
	if left, _ := filepath.Glob(path + ".new-*"); left != nil {
		t.Errorf("%v is left over", left)
	}
}

func TestUpdateUndoesWhatFailed(t *testing.T) {
	f := open(t, filepath.Join(t.TempDir(), "test.db"), newKeyring(t))
	defer func() { must(t, f.Close()) }()
	stop := errors.New("stop")
	if err := f.Update(func(tx *Tx) error { return errors.Join(tx.Put("b", "k", nil), stop) }); !errors.Is(err, stop) {
		t.Errorf("Update = %v, want fn's error", err)
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("a panic of fn's was taken for damage")
			}
		}()
		_ = f.Update(func(tx *Tx) error { must(t, tx.Put("b", "k", nil)); panic("a bug") })
	}()
	if err := f.Update(func(tx *Tx) error { return tx.Put("b", "", nil) }); err == nil || !strings.Contains(err.Error(), `key "" in bucket b`) {
		t.Errorf("Put of an empty key = %v", err)
	}
	if got, err := read(f); len(got) != 0 || err != nil {
		t.Errorf("it left %v, %v", got, err)
	}
}

func TestForEachAllowsChangesAndStopsAtAnError(t *testing.T) {
	f := open(t, filepath.Join(t.TempDir(), "test.db"), newKeyring(t))
	defer func() { must(t, f.Close()) }()
	var seen []string
	stop := errors.New("stop")
	err := f.Update(func(tx *Tx) error {
		for _, key := range []string{"c", "a", "b", "d"} {
			must(t, tx.Put("bucket", key, []byte(key)))
		}
		return tx.ForEach("bucket", func(key string, value []byte) error {
			seen = append(seen, key+string(value))
			if key == "c" {
				return stop
			}
			return errors.Join(tx.Delete("bucket", key), tx.Put("bucket", key+"2", nil))
		})
	})
	if got := strings.Join(seen, " "); got != "aa bb cc" || !errors.Is(err, stop) {
		t.Errorf("saw %s, %v", got, err)
	}
}

func TestNothingIsInClearButNames(t *testing.T) {
	path, k := filepath.Join(t.TempDir(), "test.db"), newKeyring(t)
	f := open(t, path, k)
	must(t, f.Update(func(tx *Tx) error { return tx.Put("bucket", "the-key", []byte("the-secret")) }))
	must(t, f.Close())
	data, err := os.ReadFile(path)
	must(t, err)
	for text, want := range map[string]bool{"the-key": true, "the-secret": false, "schema": false} {
		if strings.Contains(string(data), text) != want {
			t.Errorf("the file holds %q in clear: %t, want %t", text, !want, want)
		}
	}
}

func TestOpenNamesTheRemedyForTheDisk(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: mounts small and read-only file systems")
	}
	k := newKeyring(t)
	for name, c := range map[string]struct {
		prepare func(t *testing.T, dir string)
		is      error
		want    string
	}{
		"a missing directory": {func(t *testing.T, dir string) { must(t, os.Remove(dir)) }, fs.ErrNotExist, "create directory DIR"},
		"a full disk": {func(t *testing.T, dir string) {
			mount(t, dir, "size=8k", 0)
		}, unix.ENOSPC, "free space on the file system of DIR"},
		"a read-only disk": {func(t *testing.T, dir string) {
			mount(t, dir, "", unix.MS_RDONLY)
		}, unix.EROFS, "make DIR writable"},
		"a directory in its place": {func(t *testing.T, dir string) {
			must(t, os.Mkdir(dir+"/test.db", 0o700))
		}, unix.EISDIR, "DIR/test.db"},
		"a pipe in its place": {func(t *testing.T, dir string) {
			must(t, unix.Mkfifo(dir+"/test.db", 0o600))
		}, nil, "DIR/test.db is not a regular file"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "state")
			must(t, os.Mkdir(dir, 0o700))
			c.prepare(t, dir)
			_, err := Open(Options{Path: dir + "/test.db", Keyring: k, Kind: "test"})
			if want := strings.ReplaceAll(c.want, "DIR", dir); err == nil || !strings.Contains(err.Error(), want) {
				t.Fatalf("Open = %v, want %q in it", err, want)
			}
			if c.is != nil && !errors.Is(err, c.is) {
				t.Errorf("Open = %v, want it to be %v", err, c.is)
			}
			if left, _ := filepath.Glob(dir + "/*.new-*"); left != nil {
				t.Errorf("%v is left over", left)
			}
		})
	}
}

func TestPermissionIsNamed(t *testing.T) {
	err := withRemedy("/var/lib/rolecall/agent.db", &fs.PathError{Op: "open", Path: "x", Err: syscall.EACCES})
	if !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "run as the owner of /var/lib/rolecall") {
		t.Errorf("withRemedy = %v", err)
	}
}

func mount(t *testing.T, dir, options string, flags uintptr) {
	t.Helper()
	must(t, unix.Mount("tmpfs", dir, "tmpfs", flags, options))
	t.Cleanup(func() { must(t, unix.Unmount(dir, 0)) })
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
