package network

import (
	"testing"
	"time"

	"github.com/rolecall/rolecall/network/nettest"
	"github.com/rolecall/rolecall/network/steer"
)

// TestWhatARenamedDeviceHadIsNothingUndone looks at the tables after the kernel took what
// a device refuses from its name, as kernels do with a device that gets another (before
// Linux 6.16), and before the state is told of that.
func TestWhatARenamedDeviceHadIsNothingUndone(t *testing.T) {
	for renamed, undone := range map[bool]uint64{true: 0, false: 1} {
		host := nettest.New(t)
		host.Run(t, "ip", "tuntap", "add", "tap1", "mode", "tap")
		var state *State
		var err error
		host.Do(func() { state, err = New(Config{}) })
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = state.Close(true) })
		if err := state.Put(t.Context(), Interface("i-1", "", "tap1", false), nil); err != nil {
			t.Fatal(err)
		}
		p := state.ownPlace()
		for deadline := time.Now().Add(time.Minute); p.refusing.have()["tap1"] == 0; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("the device does not refuse")
			}
		}
		func() {
			state.mu.Lock()
			defer state.mu.Unlock()
			if renamed {
				host.Run(t, "ip", "link", "set", "tap1", "name", "renamed")
			}
			host.Do(func() { err = steer.New().Unrefuse("tap1") })
			if err != nil {
				t.Fatal(err)
			}
			if err := p.do(func() error { return state.mendTables(p) }); err != nil {
				t.Fatal(err)
			}
		}()
		if got := state.Mended()["tables"]; got != undone {
			t.Errorf("renamed %t: %d times something was undone, want %d", renamed, got, undone)
		}
	}
}
