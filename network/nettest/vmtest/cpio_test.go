package vmtest

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

func TestAnArchiveUnpacks(t *testing.T) {
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		t.Skip("needs busybox: .ci/deps-vm installs it")
	}
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), busybox, "cpio", "-i")
	cmd.Dir = dir
	cmd.Stdin = bytes.NewReader(archive([]File{
		{"/init", 0o755, []byte("#!/bin/sh\n")},
		{"/a/b/c", 0o600, []byte("12345")},
		{"/a/empty", 0o644, nil},
	}))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for name, want := range map[string]string{"init": "#!/bin/sh\n", "a/b/c": "12345", "a/empty": ""} {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != want {
			t.Errorf("%s holds %q, %v; want %q", name, got, err, want)
		}
	}
	info, err := os.Stat(filepath.Join(dir, "init"))
	if err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("init: %v, %v", info, err)
	}
}
