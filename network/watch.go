package network

import (
	"context"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/rolecall/rolecall/network/link"
)

const (
	// mendPause is the time from one mending of a device to the next, so that
	// somebody who keeps undoing what we do does not keep us busy.
	mendPause = 100 * time.Millisecond

	// revisitPause is the time from one look at the namespaces' names to the next. Each
	// mount of the host may be one of theirs, and with 10,000 names a look takes 20 ms.
	revisitPause = 20 * time.Millisecond

	// loopbackIndex is lo's in every namespace.
	loopbackIndex = 1

	// retryEvery is how often what failed is tried again although nobody told of a
	// change: a port may be free by then.
	retryEvery = time.Second

	// triesAtOnce bounds those that are tried again in a second, by what it costs: some
	// 0.2 ms each. Of more, each has its turn.
	triesAtOnce = 250

	// placesAtOnce bounds the namespaces, but the agent's own, that are visited in a
	// second without a reason, by what it costs: some 1 ms each. Of more, each has its
	// turn.
	placesAtOnce = 100

	// looksAtOnce bounds the devices whose settings are looked at in a second, by what
	// it costs: some 15 µs each. Of more, chance has it whose turn it is.
	looksAtOnce = 500

	// resyncEvery is how often everything is looked at although nobody told of a
	// change.
	resyncEvery = time.Minute

	// resyncAtOnce bounds the devices that are looked at then, by what it costs: some
	// 0.6 ms each. Of more, chance has it whose turn it is.
	resyncAtOnce = 1000
)

// Watch mends what others undo, waits for namespaces, and tries again what failed,
// until ctx ends. Devices that come and go are followed without it, from the first
// Put in their namespace on.
func (s *State) Watch(ctx context.Context) error {
	table, err := openMounts()
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, table.close)()
	mounted := make(chan struct{}, 1)
	go func() {
		_ = table.follow(func() {
			select {
			case mounted <- struct{}{}:
			default: // one is waiting already
			}
		}) // which ends with the table
	}()
	resync, retry := time.NewTicker(resyncEvery), time.NewTicker(retryEvery)
	defer resync.Stop()
	defer retry.Stop()
	news, pause := mounted, (<-chan time.Time)(nil)
	var failed turns[*wanted]
	var settings, resyncs turns[*place]
	nobody := func() []*place { return nil }
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-news:
			s.revisit(func(w *wanted) bool { return !ofProcess.MatchString(w.Netns) })
			news, pause = nil, time.After(revisitPause)
		case <-pause:
			news, pause = mounted, nil
		case <-retry.C:
			s.retry(slices.Values(failed.next(triesAtOnce, s.failed)))
			if p := s.ownPlace(); p != nil {
				s.settings(p)
			}
			for _, p := range settings.next(placesAtOnce, s.changeable) {
				s.settings(p)
			}
			for _, p := range resyncs.next(placesAtOnce, nobody) {
				s.restore(p)
				s.look(p, resyncAtOnce)
			}
		case <-resync.C:
			s.revisit(func(*wanted) bool { return true })
			if len(resyncs.waiting) == 0 {
				resyncs.waiting = s.everyPlace()
			}
		}
	}
}

// touch is what is to be mended.
type touch struct {
	addrs   map[int]bool
	entries map[link.Entry]bool
	rules   bool
	// settings says that those of all devices changed.
	settings bool
}

func (t *touch) add(c link.Changed) (any bool) {
	maps.Copy(t.addrs, c.Addrs)
	maps.Copy(t.entries, c.Entries)
	t.rules, t.settings = t.rules || c.Rules, t.settings || c.Settings
	return len(t.addrs) > 0 || len(t.entries) > 0 || t.rules || t.settings
}

func newTouch() touch { return touch{addrs: map[int]bool{}, entries: map[link.Entry]bool{}} }

// mend goes by what is told. Devices are looked at once; addresses, which somebody
// might keep removing, at most every mendPause.
func (s *State) mend(p *place, told <-chan link.Changed) {
	touched := newTouch()
	var due <-chan time.Time
	for {
		select {
		case changed, ok := <-told:
			if !ok {
				return
			}
			s.changed(p, changed)
			if touched.add(changed) && due == nil {
				due = time.After(mendPause)
			}
		case <-due:
			due = nil
			s.touched(p, touched)
			if touched.settings {
				s.look(p, math.MaxInt)
			}
			touched = newTouch()
		}
	}
}

// changed settles what is wanted of devices that came, went or changed.
func (s *State) changed(p *place, changed link.Changed) {
	if changed.Lost {
		s.look(p, math.MaxInt)
		return
	}
	for index, name := range changed.Links { // others are let in between
		s.mu.Lock()
		if st := p.stands[name]; st != nil {
			s.lookAt(st)
		}
		if st := p.byIndex[index]; st != nil && st.device != name { // it was renamed
			s.lookAt(st)
		}
		if p.bridges() {
			s.plug(p, name, index)
		}
		s.followHeld(p, index, name, changed.Gone[index])
		s.followEnds(p, name, index)
		s.mu.Unlock()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tidy()
}

// touched mends devices whose addresses changed. It lets others in between.
func (s *State) touched(p *place, t touch) {
	for index := range t.addrs {
		s.mu.Lock()
		if st := p.byIndex[index]; st != nil {
			s.lookAt(st)
		}
		s.mu.Unlock()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.tidy()
	for entry := range t.entries {
		st := p.byIndex[entry.Index]
		if st == nil || s.closed {
			continue
		}
		if w := st.resident(entry.Addr); w != nil {
			s.arrange(context.Background(), st, w)
			s.tell(w)
		}
	}
	if t.rules && p.bypass && s.looksAfter(p) {
		err := p.do(func() error {
			changed, err := link.Bypass(true)
			if changed {
				s.mends.add("rules", p.path, "the rules that keep the host's own way to "+link.MetadataIPv4.String())
			}
			return err
		})
		if err != nil {
			s.logger.Error("the host's own way to another metadata service is not back yet, and it is tried again", "err", err)
		}
	}
	if t.addrs[loopbackIndex] {
		for _, st := range p.byIndex { // on lo is what belongs to any guest's way back
			if st.answersIPv6() {
				s.lookAt(st)
				break
			}
		}
		s.reroute(p)
	}
}

// reroute brings back the route that the host or bridges need. s.mu is held.
func (s *State) reroute(p *place) {
	if !s.looksAfter(p) {
		return
	}
	if err := p.do(func() error { return s.route(p, true) }); err != nil {
		s.logger.Error("the route that the host or bridges need is not back yet, and it is tried again", "err", err)
	}
}

// settings looks at those of which the kernel tells nobody that they changed.
func (s *State) settings(p *place) {
	all, err := s.changedSettings(p)
	if err != nil {
		s.logger.Error("the settings of devices cannot be read, and it is tried again", "netns", p.path, "err", err)
	}
	if all {
		s.look(p, math.MaxInt)
	}
}

// changedSettings looks at devices whose own have changed, and reports whether those of
// all have.
func (s *State) changedSettings(p *place) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.tidy()
	if !s.looksAfter(p) {
		return false, nil
	}
	before := p.all
	var changed []*stand
	err := p.do(func() (err error) {
		if p.all, err = link.SettingsOfAll(); err != nil {
			return err
		}
		looks := 0
		for _, st := range p.byIndex {
			if looks++; looks > looksAtOnce {
				break
			}
			if own, err := link.SettingsOf(st.device); err == nil && own != st.seen {
				st.seen = own
				changed = append(changed, st)
			}
		}
		return nil
	})
	for _, st := range changed {
		s.lookAt(st)
	}
	return p.all != before, err
}

// look looks at everything in a place, or as much as is asked for. It lets others in
// between.
func (s *State) look(p *place, most int) {
	s.mu.Lock()
	stands := p.standsInOrder()
	s.mu.Unlock()
	if len(stands) > most {
		rand.Shuffle(len(stands), func(i, j int) { stands[i], stands[j] = stands[j], stands[i] })
		stands = stands[:most]
	}
	for _, st := range stands {
		s.mu.Lock()
		if p.stands[st.device] == st {
			st.listed, st.whole = false, false
			s.lookAt(st)
		}
		s.mu.Unlock()
	}
	s.lookForHeld(p)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reroute(p)
	s.lookForEnds(p)
	s.tidy()
}

// lookAt arranges a stand anew, and tells what came of it. Members of a bridge have
// events of their own. s.mu is held.
func (s *State) lookAt(st *stand) {
	if s.closed {
		return
	}
	users := slices.Clone(st.users)
	s.arrange(context.Background(), st)
	for _, w := range users {
		s.tell(w)
	}
}
