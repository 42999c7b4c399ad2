package seal

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
)

const (
	// othersMay are the mode bits that let anyone but the owner at a key file.
	othersMay fs.FileMode = 0o077

	// othersMayCredential lets the group read: systemd grants a service's user
	// its credentials by an ACL, whose mask shows as the group's bits
	// (https://systemd.io/CREDENTIALS/).
	othersMayCredential fs.FileMode = 0o037

	// maxKeyFile is far above what rotation leaves behind, in bytes. It keeps a
	// mistyped path to some large file from being read whole.
	maxKeyFile = 64 << 10
)

// Load reads a key file, which must be a regular file that only its owner may
// open, owned by root or by the caller. A missing file is reported as
// [fs.ErrNotExist], so that a first start may [Create] it; every error names the
// path and the remedy, and never quotes the file.
func Load(path string) (*Keyring, error) { return load(path, othersMay) }

// LoadCredential is [Load] for a file below a service's $CREDENTIALS_DIRECTORY.
func LoadCredential(path string) (*Keyring, error) { return load(path, othersMayCredential) }

func load(path string, forbidden fs.FileMode) (*Keyring, error) {
	// Without O_NONBLOCK the open of a named pipe would wait for a writer.
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("key file %s is missing: put it back from its backup, without it nothing that it sealed can be read: %w", path, fs.ErrNotExist)
	case err != nil:
		return nil, fmt.Errorf("key file cannot be opened, make it readable for uid %d: %w", os.Geteuid(), err)
	}
	defer func() { _ = file.Close() }()
	if err := checkAccess(file, forbidden); err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(file, maxKeyFile+1))
	if err != nil {
		return nil, fmt.Errorf("key file cannot be read, put it back from its backup: %w", err)
	}
	if len(text) > maxKeyFile {
		return nil, fmt.Errorf("key file %s is larger than %d bytes: give the path of a key file", path, maxKeyFile)
	}
	return parse(path, text)
}

// checkAccess asks the open file, not its path, so that nobody can exchange it
// between the check and the reading.
func checkAccess(file *os.File, forbidden fs.FileMode) error {
	info, err := file.Stat()
	if err != nil {
		return fmt.Errorf("key file: %w", err)
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("key file %s is not a regular file: give the path of a key file", file.Name())
	}
	if mode := info.Mode().Perm(); mode&forbidden != 0 {
		return fmt.Errorf("key file %s is open to others (mode %#o): run chmod 0600 %s, and replace its keys if somebody may have read them", file.Name(), mode, file.Name())
	}
	owner, caller := int(info.Sys().(*syscall.Stat_t).Uid), os.Geteuid()
	if owner != 0 && owner != caller {
		return fmt.Errorf("key file %s belongs to uid %d: run chown %d %s, if you trust what is in it", file.Name(), owner, caller, file.Name())
	}
	return nil
}

func parse(path string, text []byte) (*Keyring, error) {
	k := &Keyring{path: path}
	number := 0
	for line := range bytes.Lines(text) {
		number++
		content, _, _ := strings.Cut(string(line), "#")
		content = strings.TrimSpace(content)
		if content == "" {
			continue
		}
		secret, err := base64.StdEncoding.Strict().DecodeString(content)
		if err != nil || len(secret) != keySize {
			return nil, fmt.Errorf("key file %s line %d: want %d bytes in base64, %d characters: put the whole key back from a backup", path, number, keySize, base64.StdEncoding.EncodedLen(keySize))
		}
		key, err := newKey([keySize]byte(secret))
		if err != nil {
			return nil, fmt.Errorf("key file %s line %d: %w", path, number, err)
		}
		k.keys = append(k.keys, key)
	}
	if len(k.keys) == 0 {
		return nil, fmt.Errorf("key file %s holds no key: put it back from its backup, or remove it if nothing was ever sealed with it", path)
	}
	return k, nil
}
