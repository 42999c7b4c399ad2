package hold

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/rolestore"
	"github.com/rolecall/rolecall/rolestore/seal"
)

// crashDirEnv and crashFromEnv make a child of the test binary write until it is
// killed, with the keys and files of that directory and instances from that number.
const (
	crashDirEnv  = "HOLD_TEST_CRASH_DIR"
	crashFromEnv = "HOLD_TEST_CRASH_FROM"

	crashRounds = 24
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDirEnv); dir != "" {
		from, _ := strconv.Atoi(os.Getenv(crashFromEnv))
		fmt.Println("stopped:", writeForEver(dir, from))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// writeForEver prints a line after each durable write has been acknowledged, and
// before each removal.
func writeForEver(dir string, from int) error {
	k, err := seal.Load(filepath.Join(dir, "keys"))
	if err != nil {
		return err
	}
	agent, err := OpenAgent(AgentConfig{Path: filepath.Join(dir, "agent.db"), Keyring: k})
	if err != nil {
		return err
	}
	cache, err := OpenCache(CacheConfig{Path: filepath.Join(dir, "cache.db"), Keyring: k, Now: time.Now})
	if err != nil {
		return err
	}
	fmt.Println("host", agent.HostID())
	for n := from; ; n++ {
		r, err := agent.Put(Registration{Instance: testInstance(n)})
		if err != nil {
			return err
		}
		i := r.Instance
		text, _ := i.Incarnation.MarshalText()
		fmt.Println("put", i.ID, string(text))
		cache.Put(i, testCredentials(i.ID))
		fmt.Println("cached", i.ID)
		if n%4 != 3 {
			continue
		}
		old := testInstance(n - 2).ID
		fmt.Println("removing", old)
		if err := cache.Remove(old); err != nil {
			return err
		}
		fmt.Println("uncached", old)
		if err := agent.RemoveInstance(old); err != nil {
			return err
		}
		fmt.Println("removed", old)
	}
}

// acknowledged is what the children said.
type acknowledged struct {
	host     string
	put      map[string]string // incarnations by instance id, not being removed
	cached   map[string]bool   // put into the running child's cache, not being removed
	durable  map[string]bool   // written too, for a removal writes all
	uncached map[string]bool
	removed  map[string]bool
}

func TestKilledProcessLosesNothingThatItAcknowledged(t *testing.T) {
	dir := t.TempDir()
	k, err := seal.Create(filepath.Join(dir, "keys"))
	must(t, err)
	said := acknowledged{put: map[string]string{}, cached: map[string]bool{}, durable: map[string]bool{}, uncached: map[string]bool{}, removed: map[string]bool{}}
	for round := range crashRounds {
		said.hear(t, dir, round)
		said.check(t, dir, k)
	}
	if len(said.put) < crashRounds || len(said.durable) == 0 || len(said.removed) == 0 {
		t.Errorf("only %d instances, %d durable credentials and %d removals were acknowledged", len(said.put), len(said.durable), len(said.removed))
	}
}

// hear runs a child and kills it after a random number of lines and moment more.
func (a *acknowledged) hear(t *testing.T, dir string, round int) {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), crashDirEnv+"="+dir, fmt.Sprintf("%s=%d", crashFromEnv, 4096*round))
	stdout, err := child.StdoutPipe()
	must(t, err)
	must(t, child.Start())
	left := rand.IntN(60)
	lines := bufio.NewScanner(stdout)
	for ; lines.Scan(); left-- {
		if left == 0 {
			time.AfterFunc(time.Duration(rand.IntN(3000))*time.Microsecond, func() { _ = child.Process.Kill() })
		}
		a.note(t, strings.Fields(lines.Text()))
	}
	if err := child.Wait(); err == nil || err.Error() != "signal: killed" {
		t.Fatalf("the child ended by itself: %v", err)
	}
}

func (a *acknowledged) note(t *testing.T, line []string) {
	t.Helper()
	switch id := line[1]; line[0] {
	case "host":
		if a.host != "" && a.host != id {
			t.Errorf("host %s has become %s", a.host, id)
		}
		a.host = id
		clear(a.cached) // what was not durable is another process's, and gone
	case "put":
		a.put[id] = line[2]
	case "cached":
		a.cached[id] = true
	case "removing":
		delete(a.put, id)
		delete(a.cached, id)
		delete(a.durable, id)
	case "uncached":
		a.uncached[id] = true
		for id := range a.cached {
			a.durable[id] = true
		}
	case "removed":
		a.removed[id] = true
	default:
		t.Fatalf("the child says %q", line)
	}
}

func (a *acknowledged) check(t *testing.T, dir string, k *seal.Keyring) {
	t.Helper()
	var log strings.Builder
	agent := openAgent(t, filepath.Join(dir, "agent.db"), k, Fingerprint{}, &log)
	defer func() { must(t, agent.Close()) }()
	cache := openCache(t, filepath.Join(dir, "cache.db"), k, &log)
	defer func() { must(t, cache.Close()) }()
	if log.Len() != 0 {
		t.Errorf("logged %s", log.String())
	}
	if a.host != "" && (agent.HostID() != a.host || agent.Fresh()) {
		t.Errorf("host %s is %s, fresh %t", a.host, agent.HostID(), agent.Fresh())
	}
	instances := map[string]rolestore.Instance{}
	for _, r := range agent.Registrations() {
		instances[r.Instance.ID] = r.Instance
		if a.removed[r.Instance.ID] {
			t.Errorf("%s was removed and is back", r.Instance.ID)
		}
	}
	for id, incarnation := range a.put {
		if got, _ := instances[id].Incarnation.MarshalText(); string(got) != incarnation {
			t.Errorf("%s was put as incarnation %s and is %s", id, incarnation, got)
		}
	}
	for r := range cache.All() {
		if a.uncached[r.InstanceID] || !same(r.Credentials, testCredentials(r.InstanceID)) {
			t.Errorf("the cache holds wrong credentials for %s", r.InstanceID)
		}
	}
	for id := range a.durable {
		if _, ok := cache.Get(instances[id]); !ok {
			t.Errorf("durable credentials of %s are lost", id)
		}
	}
}
