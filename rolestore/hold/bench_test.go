package hold

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// beside runs a benchmark beside few and beside many instances, on a disk and in
// memory, where a write costs nothing but its work.
func beside(b *testing.B, run func(b *testing.B, dir string, instances int)) {
	for _, instances := range []int{10, 10_000} {
		b.Run(strconv.Itoa(instances), func(b *testing.B) { run(b, b.TempDir(), instances) })
	}
	for _, instances := range []int{10, 10_000} {
		b.Run("InMemory"+strconv.Itoa(instances), func(b *testing.B) { run(b, memory(b), instances) })
	}
}

// memory is a directory on tmpfs.
func memory(b *testing.B) string {
	b.Helper()
	if os.Geteuid() != 0 {
		b.Skip("needs root: mounts a tmpfs")
	}
	dir := b.TempDir()
	must(b, unix.Mount("tmpfs", dir, "tmpfs", 0, ""))
	b.Cleanup(func() { must(b, unix.Unmount(dir, 0)) })
	return dir
}

// BenchmarkRegisterAndRemove has one instance come and go beside others.
func BenchmarkRegisterAndRemove(b *testing.B) {
	beside(b, func(b *testing.B, dir string, instances int) {
		a := openAgent(b, filepath.Join(dir, "agent.db"), newKeyring(b), Fingerprint{}, new(strings.Builder))
		defer func() { must(b, a.Close()) }()
		all := make([]Registration, instances)
		for n := range all {
			all[n].Instance = testInstance(n)
		}
		_, err := a.PutAll(all)
		must(b, err)
		one := Registration{Instance: testInstance(instances)}
		for b.Loop() {
			_, err := a.Put(one)
			must(b, err)
			must(b, a.RemoveInstance(one.Instance.ID))
		}
	})
}

// BenchmarkCachePut replaces one instance's credentials beside others'; the disk
// follows by itself.
func BenchmarkCachePut(b *testing.B) {
	beside(b, func(b *testing.B, dir string, instances int) {
		c := fullCache(b, dir, instances)
		i, credentials := testInstance(1), testCredentials("1")
		for b.Loop() {
			c.Put(i, credentials)
		}
		b.StopTimer()
		must(b, c.Close())
	})
}

// BenchmarkCachePutAndRemove waits for the disk, as a removal does.
func BenchmarkCachePutAndRemove(b *testing.B) {
	beside(b, func(b *testing.B, dir string, instances int) {
		c := fullCache(b, dir, instances)
		i, credentials := testInstance(instances), testCredentials("1")
		for b.Loop() {
			c.Put(i, credentials)
			must(b, c.Remove(i.ID))
		}
		b.StopTimer()
		must(b, c.Close())
	})
}

func fullCache(b *testing.B, dir string, instances int) *Cache {
	b.Helper()
	c := openCache(b, filepath.Join(dir, "cache.db"), newKeyring(b), new(strings.Builder))
	for n := range instances {
		c.Put(testInstance(n), testCredentials("any"))
	}
	must(b, c.Flush())
	return c
}
