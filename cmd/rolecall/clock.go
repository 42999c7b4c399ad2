package main

import (
	"context"
	"time"

	"github.com/rolecall/rolecall/imds/token"
	"github.com/rolecall/rolecall/rolestore/hold"
)

// clockBack is how far a clock may be set back before session tokens that had
// expired would be good again. Less happens when a clock is disciplined.
const clockBack = time.Minute

// watchClock makes session tokens void when the clock was set back, because those
// that had expired would come to life again.
func (a *agentHalf) watchClock(ctx context.Context) error {
	ticker := time.NewTicker(a.world.recheck)
	defer ticker.Stop()
	latest := a.world.now().Round(0) // the wall clock alone
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		now := a.world.now().Round(0)
		if now.Before(latest.Add(-clockBack)) {
			a.logger.Warn("the clock was set back: session tokens of the metadata service are void", "from", latest, "to", now)
			if err := a.replaceTokenKeys(); err != nil {
				a.logger.Error("session tokens are not void yet, and it is tried again", "err", err)
				continue
			}
			latest = now
		}
		if now.After(latest) {
			latest = now
		}
	}
}

// replaceTokenKeys puts new keys in the place of both.
func (a *agentHalf) replaceTokenKeys() error {
	for range 2 { // each rotation keeps the key before
		if err := a.identity.RotateTokenKey(); err != nil {
			return err
		}
	}
	return a.tokens.Replace(tokenKeys(a.identity)...)
}

func tokenKeys(identity *hold.Agent) []token.Key {
	var keys []token.Key
	for _, k := range identity.TokenKeys() {
		key := token.Key{ID: k.ID}
		copy(key.Secret[:], k.Key.Reveal())
		keys = append(keys, key)
	}
	return keys
}
