//go:build !race

// The race detector makes sync.Pool forget at random.

package imds_test

import "testing"

func TestWarmGetAllocatesNoMoreThanGin(t *testing.T) {
	all := contenders(t, getRole)
	bare := testing.AllocsPerRun(1000, all[1].inProcess(t))
	for path, most := range map[string]float64{
		rolePath:                        0,
		infoPath:                        0,
		listPath:                        bare,
		"/latest/meta-data/instance-id": bare,
	} {
		c := all[0]
		c.request = "GET " + path + c.request[len("GET "+rolePath):]
		if ours := testing.AllocsPerRun(1000, c.inProcess(t)); ours > most {
			t.Errorf("%s: %v allocations, want at most %v; bare gin has %v", path, ours, most, bare)
		}
	}
}
