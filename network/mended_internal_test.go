package network

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestAFightIsToldOnceAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var said bytes.Buffer
		m := newMends(slog.New(slog.NewTextHandler(&said, nil)))
		told := func(first, later int) {
			t.Helper()
			synctest.Wait()
			m.mu.Lock() // it is said under the lock
			defer m.mu.Unlock()
			if a, b := strings.Count(said.String(), "others undid"), strings.Count(said.String(), "others keep undoing"); a != first || b != later {
				t.Errorf("told %d and %d times, want %d and %d:\n%s", a, b, first, later, said.String())
			}
		}
		for range 100 {
			m.add("routes", "", "ip route add ...")
		}
		told(1, 0)
		time.Sleep(fight)
		told(1, 1)
		if !strings.Contains(said.String(), "mended_again=99") {
			t.Errorf("it says\n%s", said.String())
		}
		m.add("routes", "", "ip route add ...")
		time.Sleep(fight)
		told(1, 2)
		time.Sleep(2 * fight) // in peace
		m.add("addresses", "", "ip addr add ...")
		told(2, 2)
		m.stop()
		if m.counts["routes"] != 101 || m.counts["addresses"] != 1 {
			t.Errorf("counted %v", m.counts)
		}
	})
}
