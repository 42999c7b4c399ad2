package network

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/rolecall/rolecall/network/nettest"
)

// TestNobodyWaitsForAllOthers puts an instance between two that are tried again, and
// between two namespaces whose packets are counted.
func TestNobodyWaitsForAllOthers(t *testing.T) {
	host := nettest.New(t)
	var s *State
	host.Do(func() {
		var err error
		if s, err = New(Config{}); err != nil {
			t.Fatal(err)
		}
	})
	t.Cleanup(func() { _ = s.Close(false) })
	for n := range 2 { // a bridge is no device of one guest
		host.Run(t, "ip", "link", "add", fmt.Sprint("br", n), "type", "bridge")
		if err := s.Restore(t.Context(), Interface(fmt.Sprint("i-", n), "", fmt.Sprint("br", n), false)); err != nil {
			t.Fatal(err)
		}
	}
	if failed := s.failed(); len(failed) != 2 {
		t.Fatalf("failed are %d", len(failed))
	}
	put := func(n int) {
		t.Helper()
		done, other := make(chan error, 1), Netns(fmt.Sprint("other-", n), nettest.New(t).Path(), false)
		go func() { done <- s.Put(context.Background(), other, nil) }()
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(30 * time.Second):
			t.Fatal("it has to wait for all")
		}
	}
	n := 0
	s.retry(func(yield func(*wanted) bool) {
		for _, w := range s.failed() {
			yield(w)
			put(n)
			n++
		}
	})
	_, err := s.refusedIn(func(yield func(*place) bool) {
		for _, p := range s.everyPlace() {
			yield(p)
			put(n)
			n++
		}
	})
	if err != nil || n < 4 {
		t.Errorf("%d were put; error %v", n, err)
	}
}

func TestEachHasHisTurn(t *testing.T) {
	var queue turns[int]
	var got []int
	for range 4 {
		now := queue.next(2, func() []int { return []int{1, 2, 3} })
		if len(now) > 2 {
			t.Errorf("%v at once", now)
		}
		got = append(got, now...)
	}
	if want := []int{1, 2, 3, 1, 2, 3}; !slices.Equal(got, want) {
		t.Errorf("the turns are %v, want %v", got, want)
	}
}

// TestAContainersLoHasNoSettingsToLookAt: ten thousand containers cost nothing each second.
func TestAContainersLoHasNoSettingsToLookAt(t *testing.T) {
	host, jail := nettest.New(t), nettest.New(t)
	var s *State
	host.Do(func() {
		var err error
		if s, err = New(Config{}); err != nil {
			t.Fatal(err)
		}
	})
	t.Cleanup(func() { _ = s.Close(false) })
	nettest.Veth(t, nettest.End{Namespace: jail, Device: "tap1"}, nettest.End{Namespace: nettest.New(t), Device: "eth0"})
	for _, a := range []Attachment{Netns("web", nettest.New(t).Path(), false), Interface("vm", jail.Path(), "tap1", false)} {
		if err := s.Put(t.Context(), a, nil); err != nil {
			t.Fatal(err)
		}
	}
	if some := s.changeable(); len(some) != 1 || some[0].path != jail.Path() {
		t.Errorf("looked at are %d", len(some))
	}
}
