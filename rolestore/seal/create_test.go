package seal

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func TestCreateMakesAKeyFileThatLoads(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0)) // the modes must not depend on it
	dir := filepath.Join(t.TempDir(), "etc", "rolecall")
	path := filepath.Join(dir, "keys")
	created, err := Create(path)
	must(t, err)
	loaded, err := Load(path)
	must(t, err)
	if got, err := loaded.Open(created.Seal([]byte("x"))); err != nil || string(got) != "x" {
		t.Errorf("the file does not hold the key that Create returned: %v", err)
	}
	for name, want := range map[string]fs.FileMode{path: 0o600, dir: 0o700, filepath.Dir(dir): 0o700} {
		info, err := os.Stat(name)
		must(t, err)
		if info.Mode().Perm() != want {
			t.Errorf("%s has mode %#o, want %#o", name, info.Mode().Perm(), want)
		}
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("the directory holds %v, want the key file alone", entries)
	}
}

func TestCreateMakesADifferentKeyEachTime(t *testing.T) {
	a, err := Create(filepath.Join(t.TempDir(), "keys"))
	must(t, err)
	b, err := Create(filepath.Join(t.TempDir(), "keys"))
	must(t, err)
	if a.ID() == b.ID() {
		t.Error("two key files hold one key")
	}
}

func TestCreateNeverReplacesAFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "keys")
	must(t, os.WriteFile(path, []byte("precious"), 0o600))
	if _, err := Create(path); !errors.Is(err, fs.ErrExist) {
		t.Errorf("Create = %v, want fs.ErrExist", err)
	}
	if text, _ := os.ReadFile(path); !bytes.Equal(text, []byte("precious")) {
		t.Errorf("the file is now %q", text)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("it left %v behind", entries)
	}
}

func TestCreateLeavesNothingOnAFullDisk(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: mounts a small tmpfs")
	}
	dir := t.TempDir()
	must(t, syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=4k"))
	t.Cleanup(func() { must(t, syscall.Unmount(dir, 0)) })
	must(t, os.WriteFile(filepath.Join(dir, "ballast"), make([]byte, 4096), 0o600))
	if _, err := Create(filepath.Join(dir, "keys")); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("Create = %v, want ENOSPC", err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("it left %v behind", entries)
	}
}
