package vmtest

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// cacheVariable names the directory that .ci/deps-vm fills.
const cacheVariable = "ROLECALL_TEST_CACHE"

// cached returns a part of the cache by the name that .ci/deps-vm gives it. The
// test is skipped if it is not there.
func cached(t testing.TB, name, remedy string) string {
	t.Helper()
	dir := os.Getenv(cacheVariable)
	if dir == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			t.Fatalf("%v: name a directory by %s", err, cacheVariable)
		}
		dir = filepath.Join(user, "rolecall-test")
	}
	found, err := filepath.EvalSymlinks(filepath.Join(dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		t.Skipf("needs %s in %s: %s makes it", name, dir, remedy)
	}
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// FindRoot returns the image of a Debian root with systemd, cloud-init, boto3 and
// the AWS CLI: a squashfs, which any number of machines may read at once.
func FindRoot(t testing.TB) string {
	t.Helper()
	return cached(t, "root", ".ci/deps-vm root")
}

// Kernel is a Debian kernel that is unpacked and not installed.
type Kernel struct {
	// Image is the kernel itself, a bzImage.
	Image   string
	modules map[string]string // their files by name
}

// FindKernel returns the newest of Debian's kernels for clouds.
func FindKernel(t testing.TB) Kernel {
	t.Helper()
	dir := cached(t, "kernel", ".ci/deps-vm")
	images, err := filepath.Glob(filepath.Join(dir, "boot/vmlinuz-*"))
	if err != nil || len(images) != 1 {
		t.Fatalf("%s: kernels %v, %v; want one: remove the directory and run .ci/deps-vm", dir, images, err)
	}
	k := Kernel{Image: images[0], modules: map[string]string{}}
	err = filepath.WalkDir(filepath.Join(dir, "lib/modules"), func(path string, _ fs.DirEntry, err error) error {
		if name, ok := strings.CutSuffix(filepath.Base(path), ".ko"); ok {
			k.modules[name] = path
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return k
}
