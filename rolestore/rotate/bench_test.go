package rotate

import (
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/rolecall/rolecall/rolestore"
)

// nobody is a Sink.
type nobody struct{}

func (nobody) Publish(rolestore.Instance, rolestore.Credentials) {}
func (nobody) Refuse(rolestore.Instance)                         {}
func (nobody) Withdraw(rolestore.Instance)                       {}

// resting returns a Rotator with instances that have an hour to go.
func resting(instances int) *Rotator {
	r := New(Config{Source: nil, Sink: nobody{}, Now: func() time.Time { return noon }, Recheck: recheck})
	for n := range instances {
		r.Put(withRole(numbered(n), "web"), Resume(numbered(n), living(noon, Lifetime)))
	}
	return r
}

// BenchmarkPutAndRemove has one instance come and go beside others, with the passes
// that this asks for.
func BenchmarkPutAndRemove(b *testing.B) {
	for _, instances := range []int{10, 10_000} {
		b.Run(strconv.Itoa(instances), func(b *testing.B) {
			r := resting(instances)
			id := numbered(instances)
			i, s := withRole(id, "web"), Resume(id, living(noon, Lifetime))
			var fetches sync.WaitGroup
			for b.Loop() {
				r.Put(i, s)
				r.pass(b.Context(), &fetches)
				r.Remove(id)
			}
		})
	}
}

// BenchmarkFetchEnds notes a fetch of one instance beside others, with its pass.
func BenchmarkFetchEnds(b *testing.B) {
	for _, instances := range []int{10, 10_000} {
		b.Run(strconv.Itoa(instances), func(b *testing.B) {
			r := resting(instances)
			e := r.entries[numbered(0)]
			c := living(noon, Lifetime)
			var fetches sync.WaitGroup
			for b.Loop() {
				r.fetching[e.instance.ID] = func() {}
				r.note(b.Context(), e, c, nil)
				r.pass(b.Context(), &fetches)
			}
		})
	}
}
