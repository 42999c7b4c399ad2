package issuer

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

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
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- e.RotateKeys(ctx) }()
		synctest.Wait() // until there is a site certificate, which takes long to make
		if err := e.directory.Close(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(session.KeyPeriod + time.Hour)
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
		if !strings.Contains(e.log.String(), "could not be replaced") {
			t.Errorf("the log says nothing of it:\n%s", e.log)
		}
		cancel()
		if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}
