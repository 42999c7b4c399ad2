package main

import "sync"

// news wakes those who wait for something of an instance. The zero news is ready.
type news struct {
	mu      sync.Mutex
	waiting map[string]chan struct{} // by instance id; only of those that somebody waits for
}

// of returns a channel that is closed at the next news of the instance. Look at the
// instance after the call, not before.
func (n *news) of(id string) <-chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	c, ok := n.waiting[id]
	if !ok {
		if n.waiting == nil {
			n.waiting = map[string]chan struct{}{}
		}
		c = make(chan struct{})
		n.waiting[id] = c
	}
	return c
}

// tell wakes those who wait.
func (n *news) tell(id string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if c, ok := n.waiting[id]; ok {
		close(c)
		delete(n.waiting, id)
	}
}
