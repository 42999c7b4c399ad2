package directory

import (
	"strings"
	"testing"
	"time"
)

// vending defines one account that has tokens for parties outside.
func vending(at time.Time) Definitions {
	d := Default(account)
	d.Accounts[0].JWTVendingEnabled, d.At = true, at
	return d
}

// published are the moments from which the keys in the key set sign, as distances from
// the start of a test.
func published(d *Directory, start time.Time) (from []string) {
	for _, k := range d.Snapshot().TokenKeys() {
		if k.Algorithm == RS256 {
			from = append(from, k.From.Sub(start).String())
		}
	}
	return from
}

func TestTokenKeysAreReplaced(t *testing.T) {
	p := newPlace(t)
	d := p.open(t)
	start := time.Unix(2e9, 0).UTC()
	reconcile(t, d, vending(start), false)
	const hour, day = time.Hour, 24 * time.Hour
	for _, test := range []struct {
		at     time.Duration // by the clock, which may be wrong
		want   string        // when the keys in the key set sign
		signer int           // which of them signs
	}{
		{0, "0s", 0},
		{29*day - 2*hour, "0s", 0},
		{29*day - hour, "0s 720h0m0s", 0},
		{30*day - 1, "0s 720h0m0s", 0},
		{30 * day, "0s 720h0m0s", 1},
		{30*day + 3*hour - 1, "0s 720h0m0s", 1},
		{30*day + 3*hour, "720h0m0s", 0},
		// The core was off for long.
		{100 * day, "720h0m0s 2425h0m0s", 0},
		{101*day + 4*hour, "2425h0m0s", 0},
		// The clock is ahead for a moment: what is made then stays until its time comes.
		{500 * day, "2425h0m0s 12025h0m0s", 0},
		{102 * day, "2425h0m0s 12025h0m0s", 0},
		{130 * day, "2425h0m0s 3145h0m0s 12025h0m0s", 0},
		{132 * day, "3145h0m0s 12025h0m0s", 0},
		{161 * day, "3145h0m0s 3889h0m0s 12025h0m0s", 0},
		// The clock is ahead for days, and right again.
		{502 * day, "12025h0m0s", 0},
		{162 * day, "3888h0m0s", 0},
		// The clock is late, as at the start of a machine without a clock that goes on.
		{-9999 * day, "-239976h0m0s", 0},
		{163 * day, "-239976h0m0s 3937h0m0s", 0},
		{-9999 * day, "-239976h0m0s 3937h0m0s", 0},
		{164*day + 4*hour, "3937h0m0s", 0},
	} {
		now := start.Add(test.at)
		if err := d.RotateTokenKeys(now); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(published(d, start), " "); got != test.want {
			t.Fatalf("after %s there are keys from %s, want %s", test.at, got, test.want)
		}
		for i, algorithm := range []string{RS256, ES384} {
			signing, ok := d.Snapshot().TokenKey(algorithm, now)
			if want := d.Snapshot().TokenKeys()[2*test.signer+i]; !ok || signing != want {
				t.Fatalf("after %s, %s is signed by the key from %s, want that from %s", test.at, algorithm, signing.From, want.From)
			}
		}
	}
	before := d.Snapshot()
	if err := d.RotateTokenKeys(start.Add(164*day + 5*hour)); err != nil || d.Snapshot() != before {
		t.Errorf("nothing was due, and something changed (%v)", err)
	}
	_ = d.Close()
	if after := p.open(t); strings.Join(published(after, start), " ") != "3937h0m0s" {
		t.Errorf("after a restart there are keys from %s", published(after, start))
	}
}

func TestWithoutTokensForPartiesOutsideThereAreNoKeys(t *testing.T) {
	d := newPlace(t).open(t)
	start := time.Unix(2e9, 0).UTC()
	reconcile(t, d, Default(account), false)
	if err := d.RotateTokenKeys(start); err != nil || len(d.Snapshot().TokenKeys()) != 0 {
		t.Errorf("there are keys from %s (%v)", published(d, start), err)
	}
	reconcile(t, d, vending(start), false)
	made := d.Snapshot().TokenKeys()
	reconcile(t, d, Default(account), false)
	reconcile(t, d, vending(start.Add(time.Hour)), false)
	if again := d.Snapshot().TokenKeys(); len(made) != 2 || len(again) != 2 || !again[0].From.Equal(start) {
		t.Errorf("there are keys from %s", published(d, start))
	}
}

// TestKeysOfAnotherFormAreNamed has a file with the two keys that were once all.
func TestKeysOfAnotherFormAreNamed(t *testing.T) {
	d := newPlace(t).open(t)
	err := d.change(func(tx *Tx) error {
		return tx.PutJSON(bucketCore, keyTokenKeys, map[string][]byte{"rsa": {1}, "ec": {1}})
	})
	if err == nil || !strings.Contains(err.Error(), "core web_identity_keys") {
		t.Errorf("got %v", err)
	}
}
