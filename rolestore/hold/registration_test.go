package hold

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/rolestore"
	"github.com/rolecall/rolecall/rolestore/dbfile"
	"github.com/rolecall/rolecall/rolestore/seal"
)

// agentFile is an Agent that can be opened again.
type agentFile struct {
	*Agent
	path string
	keys *seal.Keyring
}

func newAgentFile(t testing.TB) *agentFile {
	t.Helper()
	f := &agentFile{path: filepath.Join(t.TempDir(), "agent.db"), keys: newKeyring(t)}
	f.Agent = openAgent(t, f.path, f.keys, Fingerprint{}, new(strings.Builder))
	t.Cleanup(func() { must(t, f.Close()) })
	return f
}

func (f *agentFile) restart(t testing.TB) {
	t.Helper()
	must(t, f.Close())
	f.Agent = openAgent(t, f.path, f.keys, Fingerprint{}, new(strings.Builder))
}

func (f *agentFile) bytes(t testing.TB) []byte {
	t.Helper()
	text, err := os.ReadFile(f.path)
	must(t, err)
	return text
}

func (f *agentFile) put(t testing.TB, r Registration) Registration {
	t.Helper()
	stored, err := f.Put(r)
	must(t, err)
	if got, ok := f.Registration(r.Instance.ID); !ok || !got.equal(stored) {
		t.Errorf("put %+v, stored %+v", stored, got)
	}
	return stored
}

var tap = rolestore.Bound{Boot: "5d1f4c6e", Netns: 4026531840, Index: 7}

func TestPutDecidesTheIncarnation(t *testing.T) {
	f := newAgentFile(t)
	put := func(i rolestore.Instance) rolestore.Incarnation {
		got := f.put(t, Registration{Instance: i}).Instance
		if now, ok := f.Instance(i.ID); !ok || !now.Equal(got) {
			t.Errorf("put %+v, serves %+v", got, now)
		}
		return got.Incarnation
	}
	i := testInstance(1)
	first := put(i)
	if first == i.Incarnation || first == (rolestore.Incarnation{}) {
		t.Error("the caller chose the incarnation")
	}
	before := f.bytes(t)
	if put(i) != first {
		t.Error("the same instance once more is another incarnation")
	}
	if !bytes.Equal(before, f.bytes(t)) {
		t.Error("the same instance once more was written")
	}
	i.Profile.Role.ARN += "-other"
	if put(i) != first {
		t.Error("an update is another incarnation")
	}
	i.Attachment.Reattach = rolestore.ReattachName
	if put(i) != first {
		t.Error("to re-attach by name is another incarnation")
	}
	i.Attachment.Interface += "1"
	moved := put(i)
	if moved == first {
		t.Error("another attachment is the same incarnation")
	}
	must(t, f.RemoveInstance(i.ID))
	if _, ok := f.Registration(i.ID); ok || put(i) == moved {
		t.Error("an id that came back is the same incarnation")
	}
}

func TestALifeBeginsOnce(t *testing.T) {
	f := newAgentFile(t)
	began := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	put := func(i rolestore.Instance, after time.Duration) time.Time {
		i.PendingTime = began.Add(after)
		return f.put(t, Registration{Instance: i}).Instance.PendingTime
	}
	i := testInstance(1)
	put(i, 0)
	i.Profile.Role.ARN += "-other"
	if got := put(i, time.Hour); !got.Equal(began) {
		t.Errorf("after an update it began at %s", got)
	}
	i.Attachment.Interface += "1"
	if got := put(i, time.Hour); !got.Equal(began.Add(time.Hour)) {
		t.Errorf("another life began at %s", got)
	}
}

func TestARegistrationSurvivesARestart(t *testing.T) {
	f := newAgentFile(t)
	file := f.put(t, Registration{Instance: testInstance(2), File: true})
	bound := f.put(t, Registration{Instance: testInstance(1), Bound: tap})
	ended := f.put(t, Registration{Instance: testInstance(3), Bound: tap})
	if ok, err := f.End(ended.Instance.ID, ended.Instance.Incarnation, "tap3 is gone"); !ok || err != nil {
		t.Fatalf("End = %t, %v", ok, err)
	}
	ended, _ = f.Registration(ended.Instance.ID)
	want := []Registration{bound, file, ended}
	for _, when := range []string{"before", "after"} {
		if got := f.Registrations(); !slices.EqualFunc(got, want, Registration.equal) || ended.Ended != "tap3 is gone" || !file.File || bound.Bound != tap {
			t.Errorf("%s a restart: %+v, want %+v", when, got, want)
		}
		f.restart(t)
	}
}

func TestPutKeepsWhatTheInstanceIsBoundToInTheSameLife(t *testing.T) {
	other := rolestore.Bound{Boot: tap.Boot, Netns: tap.Netns, Index: 8}
	for name, c := range map[string]struct {
		change func(*Registration)
		want   rolestore.Bound
	}{
		"an update":          {func(r *Registration) { r.Instance.Profile.Role.ARN += "-other" }, tap},
		"by a file":          {func(r *Registration) { r.File = true }, tap},
		"bound elsewhere":    {func(r *Registration) { r.Bound = other }, other},
		"another attachment": {func(r *Registration) { r.Instance.Attachment.Interface += "1" }, rolestore.Bound{}},
	} {
		f := newAgentFile(t)
		f.put(t, Registration{Instance: testInstance(1), Bound: tap})
		r := Registration{Instance: testInstance(1)}
		c.change(&r)
		if got := f.put(t, r); got.Bound != c.want || got.File != r.File {
			t.Errorf("%s: %+v, want it bound to %+v", name, got, c.want)
		}
	}
}

func TestAnEndedInstanceIsOnRecordAndServedNoMore(t *testing.T) {
	f := newAgentFile(t)
	first := f.put(t, Registration{Instance: testInstance(1), Bound: tap})
	id := first.Instance.ID
	if ok, err := f.End(id, first.Instance.Incarnation, ""); ok || err == nil {
		t.Error("an end without a reason is taken")
	}
	if ok, err := f.End(id, first.Instance.Incarnation, "tap0 is gone"); !ok || err != nil {
		t.Fatalf("End = %t, %v", ok, err)
	}
	ended, ok := f.Registration(id)
	if !ok || ended.Ended != "tap0 is gone" || ended.Bound != tap || ended.Instance.Incarnation == first.Instance.Incarnation {
		t.Errorf("on record is %+v", ended)
	}
	if i, ok := f.Instance(id); ok {
		t.Errorf("%+v is served", i)
	}
	again := f.put(t, Registration{Instance: testInstance(1), Ended: "the caller says so"})
	if again.Ended != "" || again.Bound != (rolestore.Bound{}) || again.Instance.Incarnation == ended.Instance.Incarnation ||
		again.Instance.Incarnation == first.Instance.Incarnation {
		t.Errorf("put again, it is %+v", again)
	}
	if _, ok := f.Instance(id); !ok {
		t.Error("put again, it is not served")
	}
}

func TestBindIsForLife(t *testing.T) {
	f := newAgentFile(t)
	r := f.put(t, Registration{Instance: testInstance(1)})
	if ok, err := f.Bind(r.Instance.ID, r.Instance.Incarnation, tap); !ok || err != nil {
		t.Fatalf("Bind = %t, %v", ok, err)
	}
	before := f.bytes(t)
	if ok, err := f.Bind(r.Instance.ID, r.Instance.Incarnation, tap); !ok || err != nil || !bytes.Equal(before, f.bytes(t)) {
		t.Errorf("the same once more: %t, %v, or a write", ok, err)
	}
	r.Bound = tap
	if got, _ := f.Registration(r.Instance.ID); !got.equal(r) {
		t.Errorf("bound, it is %+v, want %+v", got, r)
	}
	f.restart(t)
	if got, _ := f.Registration(r.Instance.ID); !got.equal(r) {
		t.Errorf("after a restart it is %+v, want %+v", got, r)
	}
}

func TestAnEventThatComesLateChangesNothing(t *testing.T) {
	f := newAgentFile(t)
	first := f.put(t, Registration{Instance: testInstance(1)})
	moved := testInstance(1)
	moved.Attachment.Interface += "1"
	f.put(t, Registration{Instance: moved})
	ended := f.put(t, Registration{Instance: testInstance(2)})
	_, err := f.End(ended.Instance.ID, ended.Instance.Incarnation, "gone")
	must(t, err)
	ended, _ = f.Registration(ended.Instance.ID)
	before, text := f.Registrations(), f.bytes(t)
	for name, i := range map[string]rolestore.Instance{
		"of an earlier life": first.Instance, "of one that has ended": ended.Instance, "of nobody": testInstance(3),
	} {
		bound, bindErr := f.Bind(i.ID, i.Incarnation, tap)
		over, endErr := f.End(i.ID, i.Incarnation, "gone once more")
		if bound || over || bindErr != nil || endErr != nil {
			t.Errorf("%s: Bind = %t, %v, End = %t, %v", name, bound, bindErr, over, endErr)
		}
	}
	must(t, f.RemoveInstance(testInstance(3).ID))
	if !slices.EqualFunc(before, f.Registrations(), Registration.equal) || !bytes.Equal(text, f.bytes(t)) {
		t.Errorf("late events made %+v of %+v, or wrote", f.Registrations(), before)
	}
}

func TestPutAllIsAllOrNothing(t *testing.T) {
	f := newAgentFile(t)
	kept := f.put(t, Registration{Instance: testInstance(2)})
	if got, err := f.PutAll([]Registration{{Instance: testInstance(1)}, {Instance: testInstance(1), File: true}}); err == nil ||
		got != nil || !strings.Contains(err.Error(), testInstance(1).ID) || len(f.Registrations()) != 1 {
		t.Errorf("an id given twice: %+v, %v", got, err)
	}
	var all []Registration
	for _, n := range []int{3, 1, 2} {
		all = append(all, Registration{Instance: testInstance(n), File: true})
	}
	got, err := f.PutAll(all)
	must(t, err)
	for n := range all {
		if got[n].Instance.ID != all[n].Instance.ID || !got[n].File {
			t.Errorf("number %d of %+v is %+v", n, all, got)
		}
	}
	if !got[2].Instance.Equal(kept.Instance) {
		t.Errorf("an instance among others lost its life: %+v", got[2])
	}
	before, want := f.bytes(t), []Registration{got[1], got[2], got[0]}
	if again, err := f.PutAll(all); err != nil || !slices.EqualFunc(again, got, Registration.equal) || !bytes.Equal(before, f.bytes(t)) {
		t.Errorf("the same once more: %+v, %v, or a write", again, err)
	}
	f.restart(t)
	if got := f.Registrations(); !slices.EqualFunc(got, want, Registration.equal) {
		t.Errorf("after a restart: %+v, want %+v", got, want)
	}
}

// What cannot be written is not served, and what could not be forgotten is.
func TestAFullDiskLeavesTheRegistrationsAsTheyWere(t *testing.T) {
	dir, k := smallDisk(t), newKeyring(t)
	a := openAgent(t, filepath.Join(dir, "agent.db"), k, Fingerprint{}, new(strings.Builder))
	kept, err := a.Put(Registration{Instance: testInstance(0)})
	must(t, err)
	fill(t, filepath.Join(dir, "ballast"))
	var all []Registration
	for n := range 2000 {
		all = append(all, Registration{Instance: testInstance(n), File: true})
	}
	if got, err := a.PutAll(all); err == nil || got != nil {
		t.Fatalf("PutAll = %d, %v", len(got), err)
	}
	// With the free pages of a small file some small changes still fit.
	long := all[0]
	long.Instance.Profile.ARN = large
	if _, err := a.Put(long); err == nil {
		t.Error("Put fits")
	}
	if ok, err := a.End(kept.Instance.ID, kept.Instance.Incarnation, large); ok || err == nil {
		t.Errorf("End = %t, %v", ok, err)
	}
	if got := a.Registrations(); !slices.EqualFunc(got, []Registration{kept}, Registration.equal) {
		t.Errorf("%d registrations, the first %+v", len(got), got[0])
	}
	must(t, os.Remove(filepath.Join(dir, "ballast")))
	if ok, err := a.End(kept.Instance.ID, kept.Instance.Incarnation, "gone"); !ok || err != nil {
		t.Errorf("with space again: End = %t, %v", ok, err)
	}
	must(t, a.Close())
}

// Nobody who reads waits for the disk.
func TestRegistrationsAreReadWhileTheFileIsWritten(t *testing.T) {
	f := newAgentFile(t)
	r := f.put(t, Registration{Instance: testInstance(1)})
	must(t, f.file.View(func(*dbfile.Tx) error { // holds writers up
		put := make(chan error, 1)
		go func() { _, err := f.Put(Registration{Instance: testInstance(2)}); put <- err }()
		for f.mu.TryLock() { // until Put has it
			f.mu.Unlock()
		}
		if got, ok := f.Registration(r.Instance.ID); !ok || !got.equal(r) || len(f.Registrations()) != 1 {
			t.Errorf("meanwhile it is %+v", got)
		}
		t.Cleanup(func() { must(t, <-put) })
		return nil
	}))
}

// A file of the time before registrations holds the definitions alone.
func TestARecordWithoutARegistrationIsADefinition(t *testing.T) {
	f := newAgentFile(t)
	i := testInstance(1)
	must(t, f.file.Update(func(tx *dbfile.Tx) error { return tx.PutJSON(instancesBucket, i.ID, i) }))
	f.restart(t)
	if got := f.Registrations(); !slices.EqualFunc(got, []Registration{{Instance: i}}, Registration.equal) {
		t.Errorf("read %+v", got)
	}
}

func TestEventsLastAsLongAsTheLife(t *testing.T) {
	f := newAgentFile(t)
	r := f.put(t, Registration{Instance: testInstance(1)})
	standby := func(e rolestore.Events) rolestore.Events {
		e.TargetLifecycleState = "Standby"
		return e
	}
	state := func() string {
		r, _ := f.Registration(r.Instance.ID)
		return r.Instance.Events.TargetLifecycleState
	}
	if told, ok, err := f.Tell(r.Instance.ID, r.Instance.Incarnation, standby); err != nil || !ok || told.Instance.Events.TargetLifecycleState != "Standby" {
		t.Fatalf("told %+v, %t, %v", told, ok, err)
	}
	changed := testInstance(1)
	changed.Placement.Region = "eu-north-1"
	f.put(t, Registration{Instance: changed})
	if f.restart(t); state() != "Standby" {
		t.Error("another definition, or a restart, takes the events away")
	}
	if _, ok, err := f.Tell(r.Instance.ID, rolestore.NewIncarnation(), func(rolestore.Events) rolestore.Events { return rolestore.Events{} }); err != nil || ok || state() != "Standby" {
		t.Errorf("another life's events: %t, %v", ok, err)
	}
	changed.Attachment = rolestore.Attachment{Interface: "tap9"}
	if f.put(t, Registration{Instance: changed}); state() != "" {
		t.Error("the next life has the events of the one before")
	}
}
