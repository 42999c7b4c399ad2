package seal

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestLoadRefusesAndNamesTheRemedy(t *testing.T) {
	whole := preamble + keyLine('K')
	half := whole[:len(whole)-20]
	file := func(text string, mode fs.FileMode) func(*testing.T, string) {
		return func(t *testing.T, path string) {
			if err := errors.Join(os.WriteFile(path, []byte(text), 0o600), os.Chmod(path, mode)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, c := range map[string]struct {
		make func(*testing.T, string)
		want []string
	}{
		"a missing file":           {func(*testing.T, string) {}, []string{"is missing", "backup"}},
		"a world-readable file":    {file(whole, 0o604), []string{"0604", "chmod 0600"}},
		"a group-readable file":    {file(whole, 0o640), []string{"0640", "chmod 0600"}},
		"a world-writable file":    {file(whole, 0o602), []string{"chmod 0600"}},
		"a half-written key":       {file(half, 0o600), []string{"line 3", "backup"}},
		"a key without its end":    {file(strings.TrimRight(whole, "=\n"), 0o600), []string{"line 3"}},
		"a key that is too short":  {file("S0tL\n", 0o600), []string{"line 1", "32 bytes"}},
		"a key with stray bits":    {file(strings.Repeat("S", 42)+"T=\n", 0o600), []string{"line 1"}},
		"a bad second key":         {file(whole+"not base64\n", 0o400), []string{"line 4"}},
		"an empty file":            {file("", 0o600), []string{"holds no key"}},
		"a file of comments":       {file(preamble+"\n", 0o600), []string{"holds no key"}},
		"a file that is no key":    {file(strings.Repeat("#", maxKeyFile+1), 0o600), []string{"larger than"}},
		"a directory":              {func(t *testing.T, p string) { must(t, os.Mkdir(p, 0o700)) }, []string{"not a regular file"}},
		"a pipe that nobody feeds": {func(t *testing.T, p string) { must(t, syscall.Mkfifo(p, 0o600)) }, []string{"not a regular file"}},
		"a path below a file": {func(t *testing.T, p string) {
			file(whole, 0o600)(t, filepath.Dir(p)+"/f")
			must(t, os.Symlink("f/keys", p))
		}, []string{"cannot be opened"}},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "keys")
			c.make(t, path)
			_, err := Load(path)
			if err == nil {
				t.Fatal("it is loaded")
			}
			for _, want := range append(c.want, path) {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
			if strings.Contains(err.Error(), keyLine('K')[:8]) || strings.Contains(err.Error(), "not base64") {
				t.Errorf("%q quotes the file", err)
			}
			if missing := name == "a missing file"; errors.Is(err, fs.ErrNotExist) != missing {
				t.Errorf("%v: is it fs.ErrNotExist? want %t", err, missing)
			}
		})
	}
}

func TestLoadRefusesAFileOfAnotherUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: gives a file to another user")
	}
	path := filepath.Join(t.TempDir(), "keys")
	must(t, os.WriteFile(path, []byte(keyLine(1)), 0o600))
	must(t, os.Chown(path, 65534, 65534))
	if _, err := Load(path); err == nil || !strings.Contains(err.Error(), "chown 0 "+path) {
		t.Errorf("Load = %v, want a refusal that says chown", err)
	}
}

func TestLoadReadsCommentsAndUnendedLines(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys")
	text := "# old\n\n" + strings.TrimSpace(keyLine(1)) + "   # 2024\r\n" + strings.TrimSpace(keyLine(2))
	must(t, os.WriteFile(path, []byte(text), 0o400))
	k, err := Load(path)
	if err != nil || len(k.keys) != 2 || k.ID() != keyring(t, keyLine(2)).ID() {
		t.Errorf("Load = %v, %v; want two keys, the second sealing", k, err)
	}
}

// systemd's ACL for the service's user shows as a group that may read.
func TestLoadCredentialAllowsTheGroupToReadOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys")
	must(t, os.WriteFile(path, []byte(keyLine(1)), 0o600))
	for mode, allowed := range map[fs.FileMode]bool{0o400: true, 0o440: true, 0o460: false, 0o444: false, 0o402: false} {
		must(t, os.Chmod(path, mode))
		if _, err := LoadCredential(path); (err == nil) != allowed {
			t.Errorf("mode %#o: %v, allowed should be %t", mode, err, allowed)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
