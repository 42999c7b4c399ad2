package directory

import "sync"

// Watch notes what may have changed for one host, so that it can be told.
type Watch struct {
	host string
	wake chan struct{} // holds one: something has changed

	mu        sync.Mutex
	all       bool
	instances map[string]bool
}

// watches are those who watch. The zero watches is ready.
type watches struct {
	mu  sync.Mutex
	all map[*Watch]bool
}

// Watch begins to note. The caller ends it with [Directory.Unwatch].
func (d *Directory) Watch(host string) *Watch {
	w := &Watch{host: host, wake: make(chan struct{}, 1), instances: map[string]bool{}}
	d.watches.mu.Lock()
	defer d.watches.mu.Unlock()
	if d.watches.all == nil {
		d.watches.all = map[*Watch]bool{}
	}
	d.watches.all[w] = true
	return w
}

// Unwatch ends a watch.
func (d *Directory) Unwatch(w *Watch) {
	d.watches.mu.Lock()
	defer d.watches.mu.Unlock()
	delete(d.watches.all, w)
}

// Changed receives when there is something to take.
func (w *Watch) Changed() <-chan struct{} { return w.wake }

// Take returns what was noted since it was last called: the instances whose lease
// has changed, or that anything may have.
func (w *Watch) Take() (all bool, instances []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for id := range w.instances {
		instances = append(instances, id)
	}
	all = w.all
	w.all, w.instances = false, map[string]bool{}
	return all, instances
}

func (w *Watch) note(instance string) {
	w.mu.Lock()
	if instance == "" {
		w.all = true
	} else {
		w.instances[instance] = true
	}
	w.mu.Unlock()
	select {
	case w.wake <- struct{}{}:
	default: // it is awake
	}
}

// tellAll tells everybody that anything may have changed.
func (w *watches) tellAll() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for watch := range w.all {
		watch.note("")
	}
}

// untold are the buckets of which no host has to hear.
var untold = map[string]bool{bucketMFA: true, bucketJoin: true}

// tell tells of records that are others than in a snapshot: of a lease that is gone or
// that is another, its host; of anything else but what concerns no host, everybody.
func (w *watches) tell(before *Snapshot, changed []*entry) {
	all := false
	for _, e := range changed {
		if e.Bucket != bucketLease {
			all = all || !untold[e.Bucket] && e.Key != headKey
			continue
		}
		had, ok := before.Lease(e.Name)
		if l := noun[Lease](e); ok && l.ID != had.ID {
			w.tellHost(had.Host, e.Name)
		}
	}
	if all {
		w.tellAll()
	}
}

func (w *watches) tellHost(host, instance string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for watch := range w.all {
		if watch.host == host {
			watch.note(instance)
		}
	}
}
