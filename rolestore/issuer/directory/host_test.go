package directory

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/rolecall/rolecall/rolestore/dbfile"
)

func TestHostsThatNobodyCouldVerifyAreRefused(t *testing.T) {
	d := newPlace(t).open(t)
	reconcile(t, d, Default(account), false)
	before := d.Snapshot()
	large, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		change func(*Host)
		say    string
	}{
		"without an id":           {func(h *Host) { h.ID = "" }, "17 hexadecimal digits"},
		"with an instance's id":   {func(h *Host) { h.ID = "i-0123456789abcdef0" }, "17 hexadecimal digits"},
		"of an unknown account":   {func(h *Host) { h.Account = "210987654321" }, "there is no account 210987654321"},
		"without a key":           {func(h *Host) { h.Key = nil }, "P-256"},
		"with a key on a P-384":   {func(h *Host) { h.Key = &large.PublicKey }, "P-256"},
		"with a key of no curve":  {func(h *Host) { h.Key = &ecdsa.PublicKey{} }, "P-256"},
		"with another case of id": {func(h *Host) { h.ID = strings.ToUpper(h.ID) }, "17 hexadecimal digits"},
	} {
		h := newHost(t)
		test.change(&h)
		if err := d.PutHost(h); err == nil || !strings.Contains(err.Error(), test.say) {
			t.Errorf("a host %s: %v, want %q", name, err, test.say)
		}
	}
	if d.Snapshot() != before {
		t.Error("a refusal changed the directory")
	}
}

func TestHostsMayBePutAtOnce(t *testing.T) {
	p := newPlace(t)
	d := p.open(t)
	reconcile(t, d, Default(account), false)
	h := newHost(t)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			mine := h
			mine.ID = fmt.Sprintf("h-%017x", i)
			if err := d.PutHost(mine); err != nil {
				t.Error(err)
			}
			if d.Snapshot().Host(mine.ID) == nil {
				t.Errorf("host %s is put and not there", mine.ID)
			}
		})
		wg.Go(func() {
			if _, err := d.Reconcile(define("/", trustEC2), i%2 == 0); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for i := range 8 {
		if d.Snapshot().Host(fmt.Sprintf("h-%017x", i)) == nil {
			t.Errorf("host %d was lost", i)
		}
	}
}

// Such a file opens, as its seals are whole; to go on with it would be to issue
// with a key that everybody knows, or to panic.
func TestAnIdentityThatIsNotWholeIsDamage(t *testing.T) {
	for name, keys := range map[string][]keyRecord{
		"no key":      nil,
		"a short key": {{ID: 1, Secret: make([]byte, 31)}},
	} {
		p := newPlace(t)
		d := p.open(t)
		err := d.change(func(tx *Tx) error {
			return tx.PutJSON(bucketCore, keyIdentity, identityRecord{CoreID: "core-0", Keys: keys})
		})
		var damaged *dbfile.DamagedError
		if !errors.As(err, &damaged) || d.Snapshot().CoreID() == "core-0" {
			t.Errorf("%s: %v", name, err)
		}
	}
}
