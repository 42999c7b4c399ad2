//go:build !race

// The race detector makes sync.Pool forget at random.

package token_test

import (
	"testing"
	"time"
)

func TestVerifyAllocatesNothing(t *testing.T) {
	k := newKeys(t, key(1))
	tok := k.Mint(id, incarnation, time.Minute, now)
	if n := testing.AllocsPerRun(1000, func() { _ = k.Verify(tok, id, incarnation, now) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkVerify(b *testing.B) {
	k := newKeys(b, key(1))
	tok := k.Mint(id, incarnation, time.Minute, now)
	b.ReportAllocs()
	for b.Loop() {
		_ = k.Verify(tok, id, incarnation, now)
	}
}

func BenchmarkMint(b *testing.B) {
	k := newKeys(b, key(1))
	b.ReportAllocs()
	for b.Loop() {
		_ = k.Mint(id, incarnation, time.Minute, now)
	}
}
