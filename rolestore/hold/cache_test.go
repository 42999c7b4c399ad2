package hold

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rolecall/rolecall/rolestore"
	"github.com/rolecall/rolecall/rolestore/dbfile"
	"github.com/rolecall/rolecall/rolestore/seal"
)

func newKeyring(t testing.TB) *seal.Keyring {
	t.Helper()
	k, err := seal.Create(filepath.Join(t.TempDir(), "keys"))
	must(t, err)
	return k
}

func openCache(t testing.TB, path string, k *seal.Keyring, log *strings.Builder) *Cache {
	t.Helper()
	c, err := OpenCache(CacheConfig{
		Path:    path,
		Keyring: k,
		Now:     func() time.Time { return time.Date(2026, 5, 6, 7, 8, 9, 0, time.FixedZone("", 3600)) },
		Logger:  slog.New(slog.NewTextHandler(log, nil)),
	})
	must(t, err)
	return c
}

func testInstance(n int) rolestore.Instance {
	return rolestore.Instance{
		ID:          fmt.Sprintf("i-%017x", n),
		Incarnation: rolestore.Incarnation{byte(n), 1},
		Profile:     rolestore.InstanceProfile{Role: rolestore.Role{ARN: "arn:aws:iam::123456789012:role/web"}},
		Attachment:  rolestore.Attachment{Interface: fmt.Sprintf("tap%d", n)},
		Options:     rolestore.DefaultMetadataOptions(),
	}
}

func testCredentials(id string) rolestore.Credentials {
	issued := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	return rolestore.Credentials{
		AccessKeyID:     "ASIA" + id,
		SecretAccessKey: rolestore.NewSecret("secret-of-" + id),
		SessionToken:    rolestore.NewSecret("token-of-" + id + strings.Repeat("x", 500)),
		LastUpdated:     issued,
		Expiration:      issued.Add(6 * time.Hour),
	}
}

// same compares what == would not: secrets lie behind pointers.
func same(a, b rolestore.Credentials) bool {
	return a.AccessKeyID == b.AccessKeyID && a.SecretAccessKey.Reveal() == b.SecretAccessKey.Reveal() &&
		a.SessionToken.Reveal() == b.SessionToken.Reveal() && a.LastUpdated.Equal(b.LastUpdated) && a.Expiration.Equal(b.Expiration) &&
		(a.Tokenless == nil) == (b.Tokenless == nil) && (a.Tokenless == nil || same(*a.Tokenless, *b.Tokenless))
}

func TestCacheServesAtOnceAndAfterARestart(t *testing.T) {
	path, k := filepath.Join(t.TempDir(), "cache.db"), newKeyring(t)
	i, want, tokenless := testInstance(1), testCredentials("first"), testCredentials("without-a-token")
	want.Tokenless = &tokenless
	c := openCache(t, path, k, new(strings.Builder))
	if _, ok := c.Get(i); ok {
		t.Error("an empty cache has credentials")
	}
	c.Put(i, testCredentials("replaced"))
	c.Put(i, want)
	for _, when := range []string{"at once", "after a restart"} {
		if got, ok := c.Get(i); !ok || !same(got, want) {
			t.Errorf("%s: Get = %+v, %t", when, got, ok)
		}
		for r := range c.All() {
			if r.InstanceID != i.ID || r.Incarnation != i.Incarnation || r.RoleARN != i.Profile.Role.ARN || !same(r.Credentials, want) {
				t.Errorf("%s: All has %+v", when, r)
			}
		}
		must(t, c.Close())
		c = openCache(t, path, k, new(strings.Builder))
	}
	must(t, c.Close())
}

func TestCacheServesOnlyTheSameIncarnationRoleAndPod(t *testing.T) {
	path, k := filepath.Join(t.TempDir(), "cache.db"), newKeyring(t)
	i := testInstance(1)
	i.Containers.Pod = rolestore.Pod{ClusterName: "prod", Namespace: "shop", ServiceAccount: "web", Name: "web-0", UID: "1"}
	reborn, promoted, unbound, moved, untagged, other := i, i, i, i, i, testInstance(2)
	moved.Containers.Pod.Namespace = "lab"
	untagged.Containers.Pod.SessionTags = "disabled"
	reborn.Incarnation = rolestore.NewIncarnation()
	promoted.Profile.Role.ARN += "-admin"
	unbound.Profile = rolestore.InstanceProfile{}
	c := openCache(t, path, k, new(strings.Builder))
	c.Put(i, testCredentials(i.ID))
	for range 2 {
		for name, x := range map[string]rolestore.Instance{"reborn": reborn, "promoted": promoted, "without a role": unbound, "other": other,
			"moved": moved, "untagged": untagged} {
			if got, ok := c.Get(x); ok || !same(got, rolestore.Credentials{}) {
				t.Errorf("the %s instance gets %s", name, got.AccessKeyID)
			}
		}
		must(t, c.Close())
		c = openCache(t, path, k, new(strings.Builder))
	}
	must(t, c.Close())
}

func TestCachePersistsABatchAfterItsWindow(t *testing.T) {
	path, k := filepath.Join(t.TempDir(), "cache.db"), newKeyring(t)
	synctest.Test(t, func(t *testing.T) {
		c := openCache(t, path, k, new(strings.Builder))
		defer func() { must(t, c.Close()) }()
		c.Put(testInstance(1), testCredentials("1"))
		time.Sleep(batchWindow - time.Millisecond)
		c.Put(testInstance(2), testCredentials("2")) // does not put the batch off
		synctest.Wait()
		if n := persisted(t, c); n != 0 {
			t.Errorf("%d records are on the disk before the window ends", n)
		}
		time.Sleep(time.Millisecond)
		synctest.Wait()
		if n := persisted(t, c); n != 2 {
			t.Errorf("%d records are on the disk after the window, want 2", n)
		}
	})
}

func TestCacheRemoveIsDurable(t *testing.T) {
	path, k := filepath.Join(t.TempDir(), "cache.db"), newKeyring(t)
	synctest.Test(t, func(t *testing.T) {
		c := openCache(t, path, k, new(strings.Builder))
		defer func() { must(t, c.Close()) }()
		c.Put(testInstance(1), testCredentials("1"))
		c.Put(testInstance(2), testCredentials("2"))
		time.Sleep(batchWindow)
		synctest.Wait()
		c.Put(testInstance(1), testCredentials("newer, and pending"))
		must(t, c.Remove(testInstance(1).ID))
		must(t, c.Remove("i-of-nobody"))
		if _, ok := c.Get(testInstance(1)); ok || persisted(t, c) != 1 {
			t.Errorf("served: %t, and %d records are on the disk, want 1", ok, persisted(t, c))
		}
	})
}

func persisted(t *testing.T, c *Cache) (n int) {
	t.Helper()
	must(t, c.file.View(func(tx *dbfile.Tx) error {
		return tx.ForEach(credentialsBucket, func(string, []byte) error { n++; return nil })
	}))
	return n
}

func TestDamagedCacheIsSetAside(t *testing.T) {
	k := newKeyring(t)
	for name, spoil := range map[string]func(t *testing.T, path string){
		"text":  func(t *testing.T, path string) { must(t, os.WriteFile(path, []byte("text"), 0o600)) },
		"empty": func(t *testing.T, path string) { must(t, os.Truncate(path, 0)) },
		"cut":   func(t *testing.T, path string) { must(t, os.Truncate(path, 9000)) },
		"a record that is no JSON": func(t *testing.T, path string) {
			f, err := dbfile.Open(dbfile.Options{Path: path, Keyring: k, Kind: "cache"})
			must(t, err)
			must(t, f.Update(func(tx *dbfile.Tx) error { return tx.Put(credentialsBucket, "i-1", []byte("{")) }))
			must(t, f.Close())
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "cache.db")
			must(t, openCache(t, path, k, new(strings.Builder)).Close())
			spoil(t, path)
			before, _ := os.ReadFile(path)
			var log strings.Builder
			c := openCache(t, path, k, &log)
			c.Put(testInstance(1), testCredentials("1"))
			must(t, c.Close())
			aside := path + ".damaged-20260506T060809Z"
			if after, err := os.ReadFile(aside); err != nil || !bytes.Equal(before, after) {
				t.Errorf("set aside: %v, %d bytes, want %d", err, len(after), len(before))
			}
			if strings.Count(log.String(), "level=WARN") != 1 || !strings.Contains(log.String(), "moved_to="+aside) {
				t.Errorf("logged %s", log.String())
			}
			c = openCache(t, path, k, &log)
			if _, ok := c.Get(testInstance(1)); !ok {
				t.Error("the new cache does not work")
			}
			must(t, c.Close())
			wantFree(t, aside, k)
		})
	}
}

func TestWrongKeyIsNoDamage(t *testing.T) {
	dir, right, wrong := t.TempDir(), newKeyring(t), newKeyring(t)
	cache, agent := filepath.Join(dir, "cache.db"), filepath.Join(dir, "agent.db")
	must(t, openCache(t, cache, right, new(strings.Builder)).Close())
	must(t, openAgent(t, agent, right, Fingerprint{}, new(strings.Builder)).Close())
	_, cacheErr := OpenCache(CacheConfig{Path: cache, Keyring: wrong, Now: time.Now})
	_, agentErr := OpenAgent(AgentConfig{Path: agent, Keyring: wrong})
	for path, err := range map[string]error{cache: cacheErr, agent: agentErr} {
		var missing *seal.KeyMissingError
		if !errors.As(err, &missing) || missing.ID != right.ID() || !strings.Contains(err.Error(), path) {
			t.Errorf("open = %v, want a KeyMissingError that names %s", err, path)
		}
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 2 {
		t.Errorf("the directory holds %v", entries)
	}
}

// wantFree holds that nobody has the file open, damaged or not.
func wantFree(t *testing.T, path string, k *seal.Keyring) {
	t.Helper()
	f, err := dbfile.Open(dbfile.Options{Path: path, Keyring: k, Kind: "any"})
	var inUse *dbfile.InUseError
	if err == nil || errors.As(err, &inUse) {
		t.Errorf("%v, %v; want a refusal, but not for being in use", f, err)
	}
}

func TestWhoGoesThroughAllMayRemove(t *testing.T) {
	c := openCache(t, filepath.Join(t.TempDir(), "cache.db"), newKeyring(t), new(strings.Builder))
	defer func() { must(t, c.Close()) }()
	for n := range 5 {
		c.Put(testInstance(n), testCredentials("any"))
	}
	seen := 0
	for r := range c.All() {
		if seen++; seen%2 == 0 {
			must(t, c.Remove(r.InstanceID))
		}
	}
	left := 0
	for range c.All() {
		left++
	}
	if seen != 5 || left != 3 {
		t.Errorf("went through %d records and left %d, want 5 and 3", seen, left)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
