package seal

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// preamble tells a reader of the file what it is for.
const preamble = `# Rolecall's keys for data at rest: the last one seals, all of them open.
# Keep a copy apart from the state directory: without them its files cannot be read.
`

// Create makes a key file with one random key, mode 0600, and loads it. Missing
// parent directories are made with mode 0700. When it returns, file and
// directories are on the disk; a crash leaves a whole key file or none. An
// existing file is never replaced: that is [fs.ErrExist].
func Create(path string) (*Keyring, error) {
	if err := publish(path); err != nil {
		return nil, fmt.Errorf("create key file %s: %w", path, err)
	}
	return Load(path)
}

// publish writes the key beside path and links it there, because a link, unlike
// a rename, refuses to replace a file.
func publish(path string) (err error) {
	dir := filepath.Dir(path)
	if err := makeDir(dir); err != nil {
		return err
	}
	file, err := os.CreateTemp(dir, "."+filepath.Base(path)+"-*") // mode 0600, O_EXCL
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(file.Name())) }()
	var secret [keySize]byte
	_, _ = rand.Read(secret[:]) // never fails, see crypto/rand
	_, err = file.WriteString(preamble + base64.StdEncoding.EncodeToString(secret[:]) + "\n")
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	if err := os.Link(file.Name(), path); err != nil {
		return err
	}
	return syncDir(dir)
}

// makeDir makes dir and what is missing above it, each durable before the next:
// a data file on another disk would outlive a lost key.
func makeDir(dir string) error {
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		return nil
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	parent := filepath.Dir(dir)
	if err := makeDir(parent); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(parent)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
