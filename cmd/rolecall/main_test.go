package main

import (
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"
)

// The test binary is the program too, and an SDK's client: what a test starts in
// a namespace is itself with one of these roles.
const (
	roleVariable = "ROLECALL_TEST_ROLE"
	roleMain     = "rolecall"
	roleGoClient = "aws-sdk-go-v2"
	roleGoChain  = "aws-sdk-go-v2's chain of credentials"
	roleFlood    = "a guest that floods"

	// clockVariable makes the program's clock run faster: the Unix time at which
	// it was right, and how many seconds go by in one.
	clockVariable = "ROLECALL_TEST_CLOCK"
)

func TestMain(m *testing.M) {
	switch os.Getenv(roleVariable) {
	case roleMain:
		ctx, stop := untilSignalled()
		defer stop()
		w := world{stdout: os.Stdout, stderr: os.Stderr, env: os.Getenv, uid: os.Geteuid(), now: time.Now, recheck: 10 * time.Second}
		var start int64
		var speed time.Duration
		if n, _ := fmt.Sscan(os.Getenv(clockVariable), &start, &speed); n == 2 {
			w.now, w.recheck = fast(time.Unix(start, 0), speed), w.recheck/speed
		}
		os.Exit(run(ctx, w, os.Args[1:]))
	case roleGoClient:
		os.Exit(goClient(os.Args[1]))
	case roleGoChain:
		os.Exit(goChain())
	case roleFlood:
		os.Exit(flood(os.Args[1]))
	}
	os.Exit(m.Run())
}

// fast is a wall clock that was right at start.
func fast(start time.Time, speed time.Duration) func() time.Time {
	return func() time.Time { return start.Add(time.Since(start) * speed) }
}

func clock(start time.Time, speed int) string {
	return clockVariable + "=" + strconv.FormatInt(start.Unix(), 10) + " " + strconv.Itoa(speed)
}
