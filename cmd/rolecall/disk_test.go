package main

import (
	"bytes"
	"errors"
	"os"
	"syscall"
	"testing"
	"time"
)

// smallDisk puts the state directory on a disk of its own, of one MiB.
func (h *house) smallDisk() {
	h.t.Helper()
	dir := h.path("state")
	if err := os.Mkdir(dir, 0o700); err != nil {
		h.t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1m,mode=700"); err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
}

// fill leaves no room on that disk, and returns what makes room again.
func (h *house) fill() (free func()) {
	h.t.Helper()
	path := h.path("state/filler")
	err := os.WriteFile(path, bytes.Repeat([]byte("x"), 2<<20), 0o600)
	if !errors.Is(err, syscall.ENOSPC) {
		h.t.Fatalf("filling the disk: %v", err)
	}
	return func() { _ = os.Remove(path) }
}

func TestAFirstStartOnAFullDisk(t *testing.T) {
	h := newHouse(t)
	h.smallDisk()
	free := h.fill()
	expect(t, h.refused("up"), "no space left on device", h.path("state"))
	free()
	h.up()
}

// TestADiskThatFillsUp proves that neither programs nor the store suffer: what
// one host needs fits the pages that the databases took at their start. (The hold
// room tests a store that has to grow and cannot.)
func TestADiskThatFillsUp(t *testing.T) {
	const speed = 60 // credentials are replaced every few seconds
	h := newHouse(t)
	h.smallDisk()
	p := h.start([]string{clock(time.Now(), speed)}, "up", "--session-duration", "15m")
	p.waitFor("Rolecall is ready")
	h.fill()
	first := h.role()["AccessKeyId"]
	last := first
	for deadline := time.Now().Add(patience); last == first && time.Now().Before(deadline); {
		last = h.role()["AccessKeyId"]
	}
	if last == first {
		t.Error("the full disk kept credentials from being replaced")
	}
	p.stop()
	h.up()
	if now := h.role()["AccessKeyId"]; now == first {
		t.Errorf("the restart served %s, which had been replaced", now)
	}
}
