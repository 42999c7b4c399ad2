package token_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rolecall/rolecall/imds/token"
)

func TestKeysRotate(t *testing.T) {
	k := newKeys(t, key(1))
	first := k.Mint(id, incarnation, time.Minute, now)
	if err := k.Replace(key(1), key(2)); err != nil {
		t.Fatal(err)
	}
	second := k.Mint(id, incarnation, time.Minute, now)
	for _, tok := range []string{first, second} {
		if err := k.Verify(tok, id, incarnation, now); err != nil {
			t.Errorf("with both keys: %v", err)
		}
	}
	if err := k.Replace(key(2)); err != nil {
		t.Fatal(err)
	}
	if err := k.Verify(first, id, incarnation, now); !errors.Is(err, token.ErrForeign) {
		t.Errorf("first token without its key: %v", err)
	}
	if err := k.Verify(second, id, incarnation, now); err != nil {
		t.Errorf("second token: the last key did not mint: %v", err)
	}
	other := key(2)
	other.Secret[31] = 1
	if err := k.Replace(other); err != nil {
		t.Fatal(err)
	}
	if err := k.Verify(second, id, incarnation, now); !errors.Is(err, token.ErrForeign) {
		t.Errorf("same key id with another secret: %v", err)
	}
}

func TestBadKeysAreRefused(t *testing.T) {
	for name, keys := range map[string][]token.Key{
		"none":            {},
		"an id twice":     {key(1), key(2), key(1)},
		"an all zero key": {{ID: 3}},
	} {
		t.Run(name, func(t *testing.T) {
			k := newKeys(t, key(1))
			tok := k.Mint(id, incarnation, time.Minute, now)
			if err := k.Replace(keys...); err == nil {
				t.Error("not refused")
			}
			if err := k.Verify(tok, id, incarnation, now); err != nil {
				t.Errorf("keys changed by a refused replacement: %v", err)
			}
			if _, err := token.NewKeys(keys...); err == nil {
				t.Error("not refused when new")
			}
		})
	}
}

func TestKeyNeverPrintsItsSecret(t *testing.T) {
	k := token.Key{ID: 5, Secret: [token.KeySize]byte{0xAB, 0xAB, 0xAB}} // 171 in decimal
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
		_, _ = fmt.Fprintf(&out, verb+"\n", k)
		_, _ = fmt.Fprintf(&out, verb+"\n", []token.Key{k})
	}
	slog.New(slog.NewJSONHandler(&out, nil)).Info("key", "key", k)
	slog.New(slog.NewTextHandler(&out, nil)).Info("key", "key", k)
	if text := strings.ToLower(out.String()); strings.Contains(text, "ab") || strings.Contains(text, "171") {
		t.Errorf("secret printed in %s", text)
	}
}

func TestKeysAreReplacedWhileInUse(t *testing.T) {
	k := newKeys(t, key(1), key(2))
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 200 {
				tok := k.Mint(id, incarnation, time.Minute, now)
				if err := k.Verify(tok, id, incarnation, now); err != nil {
					t.Errorf("with its key in use: %v", err)
				}
			}
		})
	}
	for range 50 {
		for _, keys := range [][]token.Key{{key(1), key(2)}, {key(2), key(1)}} {
			if err := k.Replace(keys...); err != nil {
				t.Fatal(err)
			}
		}
	}
	wg.Wait()
}
