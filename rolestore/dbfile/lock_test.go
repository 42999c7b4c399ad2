package dbfile

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/rolestore/seal"
)

// holderEnv makes a child of the test binary open a file and wait.
const holderEnv = "DBFILE_TEST_HOLD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(holderEnv); dir != "" {
		hold(dir)
		return
	}
	os.Exit(m.Run())
}

func hold(dir string) {
	k, err := seal.Load(filepath.Join(dir, "keys"))
	if err == nil {
		_, err = Open(Options{Path: filepath.Join(dir, "test.db"), Keyring: k, Kind: "test"})
	}
	fmt.Println("open:", err)
	_, _ = os.Stdin.Read(make([]byte, 1)) // until the parent closes it
}

func TestSecondOpenerNamesTheFirst(t *testing.T) {
	dir := t.TempDir()
	k, err := seal.Create(filepath.Join(dir, "keys"))
	must(t, err)
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), holderEnv+"="+dir)
	stdin, err := child.StdinPipe()
	must(t, err)
	stdout, err := child.StdoutPipe()
	must(t, err)
	must(t, child.Start())
	if line, err := bufio.NewReader(stdout).ReadString('\n'); line != "open: <nil>\n" {
		t.Fatalf("the child says %q, %v", line, err)
	}
	path := filepath.Join(dir, "test.db")
	_, err = Open(Options{Path: path, Keyring: k, Kind: "test"})
	var inUse *InUseError
	if !errors.As(err, &inUse) {
		t.Fatalf("Open = %v, want an InUseError", err)
	}
	if want := (InUseError{Path: path, PID: child.Process.Pid, Command: "dbfile.test"}); *inUse != want {
		t.Errorf("Open = %+v, want %+v", *inUse, want)
	}
	must(t, stdin.Close())
	must(t, child.Wait())
	must(t, open(t, path, k).Close())
}

func TestInUseErrorNamesTheRemedy(t *testing.T) {
	for want, e := range map[string]InUseError{
		"rolecall is already running as pid 7 with database file P: stop it first": {Path: "P", PID: 7, Command: "rolecall"},
		"open in pid 7 (bbolt): stop it first":                                     {Path: "P", PID: 7, Command: "bbolt"},
		"find it with fuser P":                                                     {Path: "P"},
	} {
		if !strings.Contains(e.Error(), want) {
			t.Errorf("%q does not say %q", e.Error(), want)
		}
	}
}

func TestLockHolderIsReadFromProcLocks(t *testing.T) {
	const locks = `1: POSIX  ADVISORY  WRITE 5 fe:00:99 0 EOF
2: FLOCK  ADVISORY  WRITE 6 fe:01:99 0 EOF
3: FLOCK  ADVISORY  WRITE 812 fe:00:99 0 EOF
3: -> FLOCK  ADVISORY  WRITE 900 fe:00:99 0 EOF
4: FLOCK  ADVISORY  WRITE -1 fe:00:98 0 EOF
garbage
`
	for id, want := range map[string]int{"fe:00:99": 812, "fe:01:99": 6, "fe:00:98": 0, "fe:00:97": 0} {
		if got := lockHolder(locks, id); got != want {
			t.Errorf("the holder of %s is %d, want %d", id, got, want)
		}
	}
}
