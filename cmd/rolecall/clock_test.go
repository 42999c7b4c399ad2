package main

import (
	"context"
	"io"
	"log/slog"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rolecall/rolecall/imds/token"
	"github.com/rolecall/rolecall/rolestore/hold"
	"github.com/rolecall/rolecall/rolestore/seal"
)

// TestAClockThatIsSetBackVoidsSessionTokens sets the wall clock back under a
// running agent: a token that had expired would be good again.
func TestAClockThatIsSetBackVoidsSessionTokens(t *testing.T) {
	dir := t.TempDir()
	keyring, err := seal.Create(filepath.Join(dir, "keys"))
	if err != nil {
		t.Fatal(err)
	}
	identity, err := hold.OpenAgent(hold.AgentConfig{Path: filepath.Join(dir, "agent.db"), Keyring: keyring})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = identity.Close() }()
	tokens, err := token.NewKeys(tokenKeys(identity)...)
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		var set atomic.Int64 // by how much the wall clock was changed
		now := func() time.Time { return time.Now().Add(time.Duration(set.Load())) }
		a := &agentHalf{identity: identity, tokens: tokens, logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
			world: world{now: now, recheck: 10 * time.Second}}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- a.watchClock(ctx) }()

		valid := func(text string) bool { return tokens.Verify(text, "i-1", [16]byte{}, now()) == nil }
		later := func(change time.Duration) {
			set.Add(int64(change))
			time.Sleep(a.world.recheck)
			synctest.Wait()
		}
		minted := tokens.Mint("i-1", [16]byte{}, 6*time.Hour, now())
		later(0)
		later(-clockBack / 2)
		later(time.Hour)
		if !valid(minted) {
			t.Error("a clock that is disciplined or set on voids tokens")
		}
		later(-2 * clockBack)
		if valid(minted) {
			t.Error("a token is good after the clock was set back")
		}
		if !valid(tokens.Mint("i-1", [16]byte{}, time.Hour, now())) {
			t.Error("no new token can be had")
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
