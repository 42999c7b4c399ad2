package network

import (
	"math"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

const (
	// roomy is how many connections all attachments may have open before each of them may
	// have only few more: at 20 KiB each they take 160 MiB of us.
	roomy = 8192
	// fewOpen is what an attachment may have all the same. Clients keep one or two.
	fewOpen = 16
)

// crowd counts the connections of all attachments. One by one they keep within maxOpen;
// what some forty of them have then, all of one tenant, would be every descriptor that a
// service has, and nobody else would be let in.
type crowd struct {
	open atomic.Int64
	room int64
}

// newCrowd is one that leaves most of the process's descriptors (getrlimit(2),
// RLIMIT_NOFILE) to listeners and to those who have few connections.
func newCrowd() *crowd {
	c := &crowd{room: roomy}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err == nil {
		c.room = min(c.room, int64(min(limit.Cur, math.MaxInt64)/4))
	}
	return c
}

// most is how many connections one attachment may have open now.
func (c *crowd) most() int {
	if c.open.Load() >= c.room {
		return fewOpen
	}
	return maxOpen
}
