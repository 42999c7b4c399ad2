package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/rolecall/rolecall/rolestore/hold"
	"github.com/rolecall/rolecall/rolestore/seal"
)

// The files of the state directory.
const (
	cacheFile    = "cache.db"    // credentials; disposable
	agentFile    = "agent.db"    // this host's identity and its instances
	coreDBFile   = "core.db"     // accounts, roles and issuing keys
	issuerSocket = "issuer.sock" // where the halves of `up` meet
)

// prepare makes the state directory and the keys at first start, and loads the
// keys.
func (c *common) prepare(w world) (*seal.Keyring, error) {
	for _, path := range []*string{&c.stateDir, &c.keys} { // the other half may start elsewhere
		absolute, err := filepath.Abs(*path)
		if err != nil {
			return nil, err
		}
		*path = absolute
	}
	if err := c.makeStateDir(w); err != nil {
		return nil, fmt.Errorf("state directory: %w; choose another with --state-dir", err)
	}
	keyring, err := c.loadKeys(w)
	if errors.Is(err, fs.ErrNotExist) {
		if sealed := c.databases(); len(sealed) > 0 {
			return nil, fmt.Errorf("the key file %s is missing, and without it nobody can read %s: "+
				"put the key file back, or name it with --keys; to start anew instead, move the databases away",
				c.keys, strings.Join(sealed, ", "))
		}
		return seal.Create(c.keys)
	}
	return keyring, err
}

// makeStateDir makes the state directory for its owner alone. One that is there
// already and open to others is not changed: it may be theirs too.
func (c *common) makeStateDir(w world) error {
	if err := os.MkdirAll(c.stateDir, 0o700); err != nil {
		return err
	}
	info, err := os.Stat(c.stateDir)
	if err != nil {
		return err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !info.IsDir():
		return fmt.Errorf("%s is no directory", c.stateDir)
	case ok && int(owner.Uid) != w.uid:
		return fmt.Errorf("%s belongs to user %d, who could put himself in the core's place: chown it", c.stateDir, owner.Uid)
	case info.Mode().Perm()&0o077 != 0:
		return fmt.Errorf("%s is open to others: chmod 700 %s, if nothing of theirs is in it", c.stateDir, c.stateDir)
	}
	return trusted(c.stateDir, w.uid)
}

// trusted reports a directory in which somebody else could replace what we make: it
// or one above it is another user's, or lets everybody rename what is in it.
func trusted(path string, uid int) error {
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	for dir := path; ; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if err != nil {
			return err
		}
		owner, ok := info.Sys().(*syscall.Stat_t)
		if ok && owner.Uid != 0 && int(owner.Uid) != uid {
			return fmt.Errorf("directory %s belongs to user %d, who could put something else in the place of what lies there", dir, owner.Uid)
		}
		if info.Mode().Perm()&0o002 != 0 && info.Mode()&fs.ModeSticky == 0 {
			return fmt.Errorf("everybody may write to directory %s: chmod o-w %s", dir, dir)
		}
		if dir == filepath.Dir(dir) {
			return nil
		}
	}
}

func (c *common) loadKeys(w world) (*seal.Keyring, error) {
	if dir := w.env("CREDENTIALS_DIRECTORY"); dir != "" && filepath.Dir(c.keys) == filepath.Clean(dir) {
		return seal.LoadCredential(c.keys)
	}
	return seal.Load(c.keys)
}

// databases are the paths of the databases that exist.
func (c *common) databases() []string {
	var found []string
	for _, name := range []string{cacheFile, agentFile, coreDBFile} {
		if path := c.path(name); exists(path) {
			found = append(found, path)
		}
	}
	return found
}

// path is that of a file in the state directory.
func (c *common) path(name string) string { return filepath.Join(c.stateDir, name) }

// sharesDisk reports whether the keys lie on the same disk as what they seal.
func (c *common) sharesDisk() bool {
	keys, err := os.Stat(c.keys)
	if err != nil {
		return false
	}
	state, err := os.Stat(c.stateDir)
	if err != nil {
		return false
	}
	a, ok := keys.Sys().(*syscall.Stat_t)
	b, also := state.Sys().(*syscall.Stat_t)
	return ok && also && a.Dev == b.Dev
}

// fingerprint tells this machine from a clone of its disk. What cannot be read
// is left empty.
func fingerprint() hold.Fingerprint {
	return hold.Fingerprint{
		MachineID:   digest("/etc/machine-id"),
		ProductUUID: digest("/sys/class/dmi/id/product_uuid"),
	}
}

func digest(path string) string {
	text, err := os.ReadFile(path)
	id := strings.TrimSpace(string(text))
	if err != nil || id == "" || id == "uninitialized" { // machine-id(5), before the first boot is done
		return ""
	}
	return fmt.Sprintf("%x", sha256.Sum256([]byte(id)))
}

// discard removes a file that may not be there.
func discard(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
