package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestLongLivedClientsCrossRotations lets the clocks of rolecall and of unmodified
// clients run fast, so that sessions of 15 minutes, the shortest there are, last 15
// seconds. SDKs take less than 25 minutes, or 5, for an outage and ask only now and then:
// they have to be handed credentials that last until then.
func TestLongLivedClientsCrossRotations(t *testing.T) {
	const speed = 60
	scripts, err := filepath.Abs("../../testdata/clients")
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	programs := buildClients(t, scripts, fastGo(t, start, speed)...)
	h := newHouse(t)
	p := h.start([]string{clock(start, speed)}, "up", "--session-duration", "15m")
	p.waitFor("Rolecall is ready")
	h.serveS3(filepath.Join(programs, "s3server"))

	faketime := func(program ...string) []string {
		now := fast(time.Unix(start.Unix(), 0), speed)().UTC().Format("2006-01-02 15:04:05")
		return append([]string{"faketime", "-f", "@" + now + " x" + strconv.Itoa(speed)}, program...)
	}
	js := func(name string) string { return filepath.Join(scripts, "js", name) }
	// JavaScript's timers go by the real time, so that its patience is that of every day.
	// That of the Common Runtime needs them fast, as it reckons expiries by them.
	const patient = "FAKETIME_DONT_FAKE_MONOTONIC=1"
	for _, c := range []struct {
		name, from string
		command    func() []string
	}{
		{"boto3", issuerURL, func() []string { return faketime("/usr/bin/python3", filepath.Join(scripts, "boto.py")) }},
		{"aws-sdk-go-v2", issuerURL, func() []string { return []string{filepath.Join(programs, "sdkv2")} }},
		{"aws-sdk-go, version 1", issuerURL, func() []string { return []string{filepath.Join(programs, "sdkv1")} }},
		{"AWS SDK for JavaScript, version 3", issuerURL, func() []string { return faketime("env", patient, "node", js("v3.mjs")) }},
		{"AWS SDK for JavaScript, version 2", issuerURL, func() []string { return faketime("env", patient, "node", js("v2.mjs")) }},
		{"AWS Common Runtime", issuerURL, func() []string { return faketime("node", js("crt.mjs")) }},
		{"minio-go", s3Address, func() []string { return []string{filepath.Join(programs, "minio")} }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			line := append(c.command(), c.from, "4")
			cmd := h.ns.Command(t.Context(), line[0], line[1:]...)
			// Python's timers run as fast as its clock: a second would be 17 ms.
			cmd.Env = append(emptyConfiguration(t), "TZ=UTC", "AWS_METADATA_SERVICE_TIMEOUT="+strconv.Itoa(speed))
			var stderr strings.Builder
			cmd.Stderr = &stderr
			out, err := cmd.Output()
			if keys := strings.Count(string(out), "key="); err != nil || keys != 4 {
				t.Errorf("it used %d keys: %v\n%s", keys, err, &stderr)
			}
		})
	}
}

// fastGo are the flags that build a Go program whose clock was right at start and runs
// fast since: what faketime does for programs that ask the C library.
func fastGo(t *testing.T, start time.Time, speed int) []string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	source := filepath.Join(strings.TrimSpace(string(out)), "src", "time", "time.go")
	text, err := os.ReadFile(source)
	if err != nil {
		t.Fatal(err)
	}
	const now = "\nfunc Now() Time {\n"
	changed := strings.Replace(string(text), now, fmt.Sprintf(`
// fastSince is the linker's.
var fastSince string

func Now() Time {
	var seconds int64
	for _, digit := range fastSince {
		seconds = 10*seconds + int64(digit-'0')
	}
	start := Unix(seconds, 0)
	return start.Add(%d * realNow().Sub(start))
}

func realNow() Time {
`, speed), 1)
	if changed == string(text) {
		t.Fatalf("%s has no %q", source, now)
	}
	dir := t.TempDir()
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{source: filepath.Join(dir, "time.go")}})
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"time.go": changed, "overlay.json": string(overlay)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return []string{"-overlay", filepath.Join(dir, "overlay.json"), "-ldflags", "-X time.fastSince=" + strconv.FormatInt(start.Unix(), 10)}
}
