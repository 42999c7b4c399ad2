package main

import (
	"io"
	"syscall"
	"testing"
)

// TestNothingIsDumped shows that what a process holds in memory does not come to a disk
// when it is killed.
func TestNothingIsDumped(t *testing.T) {
	w := world{stdout: io.Discard, stderr: t.Output(), env: func(string) string { return "" }}
	if status := run(t.Context(), w, []string{"version"}); status != 0 {
		t.Fatalf("exit status %d", status)
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_CORE, &limit); err != nil || limit != (syscall.Rlimit{}) {
		t.Errorf("core dumps may have %+v bytes (%v)", limit, err)
	}
}
