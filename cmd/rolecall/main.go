package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/rolecall/rolecall/cmd/rolecall/cni"
)

func main() {
	ctx, stop := untilSignalled()
	defer stop()
	w := world{
		stdout: os.Stdout, stderr: os.Stderr, env: os.Getenv, uid: os.Geteuid(),
		now: time.Now, recheck: 10 * time.Second,
	}
	os.Exit(run(ctx, w, os.Args[1:]))
}

// untilSignalled returns a context that ends with the terminal too: what is
// killed by a signal leaves its address behind. A broken pipe is an error like
// others.
func untilSignalled() (context.Context, context.CancelFunc) {
	signal.Ignore(syscall.SIGPIPE)
	ends := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // as it is under nohup(1)
		ends = append(ends, syscall.SIGHUP)
	}
	return signal.NotifyContext(context.Background(), ends...)
}

// world is what a process has from outside.
type world struct {
	stdout, stderr io.Writer
	env            func(string) string
	uid            int
	// now is the wall clock, and recheck how often deadlines are held against it.
	now     func() time.Time
	recheck time.Duration
}

// run carries out one command line and returns the exit status.
func run(ctx context.Context, w world, args []string) int {
	// What is created is for its owner alone, unless it is opened on purpose.
	syscall.Umask(0o077)
	// Keys and credentials are in memory, and a core dump would put them on a disk (core(5)).
	if err := syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{}); err != nil {
		_, _ = fmt.Fprintln(w.stderr, "rolecall: core dumps stay possible:", err)
	}
	if w.env("CNI_COMMAND") != "" { // a container runtime calls, by a link in its plugin directory
		return cni.Main(ctx)
	}
	command := newRoot(w)
	command.SetArgs(args)
	if err := command.ExecuteContext(ctx); err != nil {
		_, _ = fmt.Fprintln(w.stderr, "rolecall:", err)
		return 1
	}
	return 0
}
