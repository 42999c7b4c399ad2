package main

import (
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestALongLivedClientCrossesRotations lets the clocks of rolecall and of an
// unmodified boto3 run fast, so that sessions of 15 minutes, the shortest there
// are, last 15 seconds. boto3 takes less than 25 minutes for an outage and asks
// only every 2 to 10: it has to be handed credentials that last until then.
func TestALongLivedClientCrossesRotations(t *testing.T) {
	const speed = 60
	h := newHouse(t)
	start := time.Now()
	p := h.start([]string{clock(start, speed)}, "up", "--session-duration", "15m")
	p.waitFor("Rolecall is ready")

	script, err := filepath.Abs("../../testdata/clients/boto.py")
	if err != nil {
		t.Fatal(err)
	}
	now := fast(time.Unix(start.Unix(), 0), speed)().UTC().Format("2006-01-02 15:04:05")
	cmd := h.ns.Command(t.Context(), "faketime", "-f", "@"+now+" x"+strconv.Itoa(speed), "/usr/bin/python3", script, issuerURL, "4")
	// The client's patience runs as fast as its clock: a second would be 17 ms.
	cmd.Env = append(emptyConfiguration(t), "TZ=UTC", "AWS_METADATA_SERVICE_TIMEOUT="+strconv.Itoa(speed))
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if keys := strings.Count(string(out), "key="); err != nil || keys != 4 {
		t.Errorf("boto3 used %d keys: %v\n%s", keys, err, &stderr)
	}
}
