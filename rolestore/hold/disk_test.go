package hold

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rolecall/rolecall/rolestore"
	"github.com/rolecall/rolecall/rolestore/dbfile"
	"github.com/rolecall/rolecall/rolestore/seal"
)

// large does not fit into the free pages of a small file.
var large = strings.Repeat("x", 64<<10)

func TestFullDiskCostsPersistenceAndNoService(t *testing.T) {
	dir, k := smallDisk(t), newKeyring(t)
	synctest.Test(t, func(t *testing.T) { fullDisk(t, dir, k) })
}

func fullDisk(t *testing.T, dir string, k *seal.Keyring) {
	var log strings.Builder
	path, ballast := filepath.Join(dir, "cache.db"), filepath.Join(dir, "ballast")
	c := openCache(t, path, k, &log)
	credentials := []rolestore.Credentials{testCredentials("0"), testCredentials("1"), testCredentials(large)}
	put := func(n int) {
		c.Put(testInstance(n), credentials[n])
		time.Sleep(batchWindow)
		synctest.Wait()
	}
	served := func() (all []int) {
		for n, want := range credentials {
			if got, ok := c.Get(testInstance(n)); ok && same(got, want) {
				all = append(all, n)
			}
		}
		return all
	}
	put(0)
	put(1)
	must(t, c.Err())
	fill(t, ballast)
	put(2)
	if !errors.Is(c.Err(), unix.ENOSPC) || !strings.Contains(c.Err().Error(), "free space on the file system of "+dir) {
		t.Errorf("Err = %v, want ENOSPC and a remedy", c.Err())
	}
	if got := served(); !slices.Equal(got, []int{0, 1, 2}) {
		t.Errorf("with a full disk only %v are served", got)
	}
	if err := c.Remove(testInstance(0).ID); !errors.Is(err, unix.ENOSPC) {
		t.Errorf("Remove = %v, want ENOSPC", err)
	}
	if got := served(); !slices.Equal(got, []int{1, 2}) {
		t.Errorf("after a removal that the disk missed %v are served", got)
	}
	time.Sleep(3 * retryDelay)
	synctest.Wait()
	if strings.Count(log.String(), "level=ERROR") != 1 || persisted(t, c) != 2 {
		t.Errorf("%d persisted, logged %s, want the first two and one error", persisted(t, c), log.String())
	}

	must(t, os.Remove(ballast))
	time.Sleep(retryDelay)
	synctest.Wait()
	if c.Err() != nil || strings.Count(log.String(), "level=INFO") != 1 || persisted(t, c) != 2 {
		t.Errorf("with space again: %v, %d persisted, logged %s", c.Err(), persisted(t, c), log.String())
	}
	must(t, c.Close())
	c = openCache(t, path, k, &log)
	if got := served(); !slices.Equal(got, []int{1, 2}) {
		t.Errorf("after a restart %v are served", got)
	}
	must(t, c.Close())
}

func TestNewCredentialsRetryAtOnceAfterAFullDisk(t *testing.T) {
	dir, k := smallDisk(t), newKeyring(t)
	synctest.Test(t, func(t *testing.T) {
		c := openCache(t, filepath.Join(dir, "cache.db"), k, new(strings.Builder))
		defer func() { must(t, c.Close()) }()
		fill(t, filepath.Join(dir, "ballast"))
		c.Put(testInstance(1), testCredentials(large))
		time.Sleep(batchWindow)
		synctest.Wait()
		if c.Err() == nil {
			t.Fatal("the disk is not full")
		}
		must(t, os.Remove(filepath.Join(dir, "ballast")))
		c.Put(testInstance(2), testCredentials("2"))
		time.Sleep(batchWindow)
		synctest.Wait()
		if c.Err() != nil || persisted(t, c) != 2 {
			t.Errorf("Err = %v and %d records are persisted, want 2", c.Err(), persisted(t, c))
		}
	})
}

// A removal that arrives while an older write is under way must win, though that
// write fails and is to be tried again.
func TestRemovalOvertakesAWriteThatFails(t *testing.T) {
	dir, k := smallDisk(t), newKeyring(t)
	c := openCache(t, filepath.Join(dir, "cache.db"), k, new(strings.Builder))
	c.cancel() // the test writes in run's place
	<-c.done
	fill(t, filepath.Join(dir, "ballast"))
	i := testInstance(1)
	written, removed := make(chan error), make(chan error)
	must(t, c.file.View(func(*dbfile.Tx) error { // holds the write up
		c.Put(i, testCredentials(large))
		go func() { written <- c.Flush() }()
		for pending := 1; pending > 0; runtime.Gosched() {
			c.mu.Lock()
			pending = len(c.pending)
			c.mu.Unlock()
		}
		go func() { removed <- c.Remove(i.ID) }()
		for served := true; served; runtime.Gosched() {
			_, served = c.Get(i)
		}
		return nil
	}))
	if err := <-written; !errors.Is(err, unix.ENOSPC) {
		t.Errorf("the write ended with %v, want ENOSPC", err)
	}
	must(t, <-removed)
	must(t, os.Remove(filepath.Join(dir, "ballast")))
	must(t, c.Flush())
	if n := persisted(t, c); n != 0 {
		t.Errorf("%d records are on the disk, want none", n)
	}
	must(t, c.Close())
}

func TestFirstStartOnAFullDiskNamesTheRemedy(t *testing.T) {
	dir, k := smallDisk(t), newKeyring(t)
	fill(t, filepath.Join(dir, "ballast"))
	_, cacheErr := OpenCache(CacheConfig{Path: filepath.Join(dir, "cache.db"), Keyring: k, Now: time.Now})
	_, agentErr := OpenAgent(AgentConfig{Path: filepath.Join(dir, "agent.db"), Keyring: k})
	for _, err := range []error{cacheErr, agentErr} {
		if !errors.Is(err, unix.ENOSPC) || !strings.Contains(err.Error(), "free space on the file system of "+dir) {
			t.Errorf("open = %v, want ENOSPC and a remedy", err)
		}
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("the directory holds %v", entries)
	}
	must(t, os.Remove(filepath.Join(dir, "ballast")))
	a := openAgent(t, filepath.Join(dir, "agent.db"), k, Fingerprint{}, new(strings.Builder))
	if !a.Fresh() {
		t.Error("a start that failed counts as the first")
	}
	must(t, a.Close())
}

func TestAgentOnAFullDiskRefusesAndForgetsNothing(t *testing.T) {
	dir, k := smallDisk(t), newKeyring(t)
	path := filepath.Join(dir, "agent.db")
	a := openAgent(t, path, k, Fingerprint{}, new(strings.Builder))
	fill(t, filepath.Join(dir, "ballast"))
	n, err := 0, error(nil)
	for ; err == nil && n < 1000; n++ {
		_, err = a.Put(Registration{Instance: testInstance(n)})
	}
	if !errors.Is(err, unix.ENOSPC) || len(a.Registrations()) != n-1 {
		t.Errorf("put %d: %v; %d instances are served", n, err, len(a.Registrations()))
	}
	must(t, a.Close())
	a = openAgent(t, path, k, Fingerprint{}, new(strings.Builder)) // needs no space
	if len(a.Registrations()) != n-1 {
		t.Errorf("after a restart %d instances, want %d", len(a.Registrations()), n-1)
	}
	must(t, a.Close())
}

// smallDisk is a file system of a megabyte.
func smallDisk(t *testing.T) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: mounts a small tmpfs")
	}
	dir := t.TempDir()
	must(t, unix.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"))
	t.Cleanup(func() { must(t, unix.Unmount(dir, 0)) })
	return dir
}

// fill leaves no free byte.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	must(t, err)
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	if !errors.Is(err, unix.ENOSPC) {
		t.Fatal(err)
	}
	must(t, f.Close())
}
