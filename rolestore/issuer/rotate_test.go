package issuer

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rolecall/rolecall/rolestore/issuer/directory"
	"github.com/rolecall/rolecall/rolestore/issuer/session"
)

// oldest is a session that lives as long as any.
func (e *estate) oldest() (id, token string) {
	e.t.Helper()
	d := e.directory.Snapshot()
	now := e.config.Now()
	c, err := d.Sealer().Issue(session.Claims{Principal: d.RoleByName(account, "default").UniqueID, Account: account,
		SessionName: "test", Issued: now, Expires: now.Add(session.KeyKept)})
	if err != nil {
		e.t.Fatal(err)
	}
	return c.AccessKeyID, c.SessionToken.Reveal()
}

// TestKeysAreReplacedOnTheirSchedule lets three weeks go by. A session that lives as
// long as any is opened until its end, whichever key has sealed it.
func TestKeysAreReplacedOnTheirSchedule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEstate(t)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- e.RotateKeys(ctx) }()
		keys := map[byte]bool{}
		type held struct{ id, token string }
		var sessions []held
		const every = 6 * time.Hour
		for range int(3 * session.KeyPeriod / every) {
			id, token := e.oldest()
			keys[sealedBy(t, token)] = true
			sessions = append(sessions, held{id, token})
			time.Sleep(every - time.Second)
			synctest.Wait()
			for n, s := range sessions[max(0, len(sessions)-int(session.KeyKept/every)):] {
				if _, _, err := e.directory.Snapshot().Sealer().Open(s.id, s.token, time.Now()); err != nil {
					t.Errorf("after %s, session %d is not opened: %v", time.Since(e.started), n, err)
				}
			}
			time.Sleep(time.Second)
		}
		if len(keys) != 3 {
			t.Errorf("in three periods, %d keys have issued", len(keys))
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// TestTokenKeysAreReplacedWithTheIssuingKeys lets a quarter of a year go by.
func TestTokenKeysAreReplacedWithTheIssuingKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEstate(t)
		e.vend()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- e.RotateKeys(ctx) }()
		signed := map[string]bool{}
		for range 90 {
			signed[e.signing()] = true
			time.Sleep(24 * time.Hour)
		}
		if len(signed) != 3 {
			t.Errorf("in a quarter of a year, %d keys have signed", len(signed))
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// TestACoreStartsThoughItsKeysCannotBeReplaced fills the disk while the core is off, for
// as long as all keys have served their time.
func TestACoreStartsThoughItsKeysCannotBeReplaced(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to mount a small file system")
	}
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=512k"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	definitions := directory.Default(account)
	definitions.Accounts[0].JWTVendingEnabled = true
	c := core(t, dir, &definitions, io.Discard)
	config := c.config
	before := c.directory.Snapshot().TokenKeys()
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	full, err := os.Create(filepath.Join(dir, "full"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(full, zeros{}); !errors.Is(err, unix.ENOSPC) {
		t.Fatal(err)
	}
	_ = full.Close()
	var log bytes.Buffer
	config.Now = func() time.Time { return time.Now().Add(60 * 24 * time.Hour) }
	config.Logger = slog.New(slog.NewTextHandler(&log, nil))
	if c, err = Open(config); err != nil {
		t.Fatalf("the core does not start: %v", err)
	}
	defer func() { _ = c.Close() }()
	if !strings.Contains(log.String(), "could not be replaced, which is tried again") {
		t.Errorf("the log is %s", &log)
	}
	if after := c.directory.Snapshot().TokenKeys(); len(after) != len(before) {
		t.Errorf("there were %d keys of tokens, and there are %d", len(before), len(after))
	}
}

// zeros has no end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// vend lets the account have tokens for parties outside.
func (e *estate) vend() {
	e.t.Helper()
	definitions := directory.Default(account)
	definitions.Accounts[0].JWTVendingEnabled = true
	if err := e.Redefine(&definitions); err != nil {
		e.t.Fatal(err)
	}
}

// signing is the key that signs tokens for parties outside now.
func (e *estate) signing() string {
	e.t.Helper()
	key, ok := e.directory.Snapshot().TokenKey(directory.ES384, e.config.Now())
	if !ok {
		e.t.Fatal("no key signs")
	}
	return fmt.Sprint(key.Signer.Public())
}

// sealedBy is the id of the key that has sealed a session token.
func sealedBy(t *testing.T, token string) byte {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(token)
	if err != nil {
		t.Fatal(err)
	}
	return raw[1]
}

// TestAKeyThatCannotBeReplacedIsUsedOn closes the file under the core.
func TestAKeyThatCannotBeReplacedIsUsedOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEstate(t)
		e.vend()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- e.RotateKeys(ctx) }()
		synctest.Wait() // until there is a site certificate, which takes long to make
		if err := e.directory.Close(); err != nil {
			t.Fatal(err)
		}
		signing := e.signing()
		time.Sleep(60 * 24 * time.Hour)
		synctest.Wait()
		select {
		case err := <-done:
			t.Errorf("the task has ended, and the core with it: %v", err)
		default:
		}
		id, token := e.oldest()
		if _, _, err := e.directory.Snapshot().Sealer().Open(id, token, time.Now()); err != nil {
			t.Errorf("the core does not issue any more: %v", err)
		}
		if e.signing() != signing {
			t.Error("tokens are signed by a key that is not in the file")
		}
		for _, what := range []string{"an issuing key", "a key of web identity tokens"} {
			if !strings.Contains(e.log.String(), what+" is due and could not be replaced") {
				t.Errorf("the log says nothing of %s", what)
			}
		}
		cancel()
		if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}
