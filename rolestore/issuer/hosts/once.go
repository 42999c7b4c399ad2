package hosts

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/rolecall/rolecall/rolestore/hosttoken"
)

// maxRemembered bounds the tokens that a host has bought with in the last minute. It
// is more than an agent with 10,000 instances needs when all of them start at once.
const maxRemembered = 16_384

// ErrReplayed is returned for a token that was used before, or that may have been:
// it is older than this core's memory.
var ErrReplayed = errors.New("the token was used before")

// ErrBusy is returned when a host uses more tokens than are remembered.
var ErrBusy = errors.New("the host asks too often")

// once remembers the tokens that were used, until they expire.
type once struct {
	mu    sync.Mutex
	began time.Time // tokens of before may have been used, which nobody remembers
	hosts map[string]*used
}

// used are a host's tokens, the oldest first.
type used struct {
	names map[string]bool
	order []usedToken
}

type usedToken struct {
	name    string
	expires time.Time
}

func newOnce(now time.Time) *once {
	return &once{began: now.Truncate(time.Second), hosts: map[string]*used{}} // iat has whole seconds
}

// use notes that a token of the host was used. Only a token that is sound in all else
// comes here, so that nobody but the host fills its memory.
func (o *once) use(host, name string, issued, now time.Time) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if now.Before(o.began) { // the clock was set back
		o.began = now.Truncate(time.Second)
	}
	if issued.Before(o.began) {
		return fmt.Errorf("%w, or may have been: it is from before the start of this core", ErrReplayed)
	}
	u := o.hosts[host]
	if u == nil {
		u = &used{names: map[string]bool{}}
		o.hosts[host] = u
	}
	u.forget(now)
	switch {
	case u.names[name]:
		return ErrReplayed
	case len(u.order) >= maxRemembered:
		return ErrBusy
	}
	u.names[name] = true
	u.order = append(u.order, usedToken{name, issued.Add(hosttoken.MaxLifetime)})
	return nil
}

// forget drops what has expired. Tokens come in about the order of their expiry; one
// that comes before its time is kept somewhat longer than need be.
func (u *used) forget(now time.Time) {
	n := 0
	for n < len(u.order) && !now.Before(u.order[n].expires) {
		delete(u.names, u.order[n].name)
		n++
	}
	u.order = u.order[n:]
}
