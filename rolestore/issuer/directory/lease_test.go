package directory

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"
)

const otherHost = "h-fedcba98765432100"

// withHosts is a directory with two hosts.
func withHosts(t *testing.T, p place) *Directory {
	t.Helper()
	d := withHost(t, p)
	second := newHost(t)
	second.ID = otherHost
	if err := d.PutHost(second); err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *Directory) mustClaim(t *testing.T, instance, host string) Lease {
	t.Helper()
	l, err := d.Claim(instance, host, "AROA", noon)
	if err != nil || l.Host != host || l.InstanceID != instance || len(l.ID) < 12 {
		t.Fatalf("%s claims %s: %+v, %v", host, instance, l, err)
	}
	return l
}

func TestAnInstanceBelongsToOneHostAtATime(t *testing.T) {
	p := newPlace(t)
	d := withHosts(t, p)
	first := d.mustClaim(t, guest, hostName)
	if again := d.mustClaim(t, guest, hostName); again != first {
		t.Errorf("claimed again it is %+v", again)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	d = p.open(t) // the lease was on the disk before it was answered
	if again := d.mustClaim(t, guest, hostName); again != first {
		t.Errorf("after a restart it is %+v", again)
	}
	if _, err := d.Claim(guest, otherHost, "AROA", noon); !errors.Is(err, ErrLeased) {
		t.Errorf("the second claimant: %v", err)
	}
	if _, err := d.Release(guest, otherHost); !errors.Is(err, ErrNotFound) {
		t.Errorf("released by who has it not: %v", err)
	}
	if _, err := d.Revoke(guest, otherHost, noon); !errors.Is(err, ErrNotFound) {
		t.Errorf("revoked by who has it not: %v", err)
	}
	if got, _ := d.Lease(guest); got != first {
		t.Errorf("the lease is %+v", got)
	}
	for _, by := range []string{hostName, ""} { // the host, and an administrator
		if _, err := d.Release(guest, by); err != nil {
			t.Errorf("released by %q: %v", by, err)
		}
		if second := d.mustClaim(t, guest, otherHost); second.ID == first.ID {
			t.Error("a new lease has the id of the one before")
		}
		if _, err := d.Release(guest, ""); err != nil {
			t.Fatal(err)
		}
		d.mustClaim(t, guest, hostName)
	}
}

// TestOneOfManyClaimantsWins has hosts that all want the same instance at once.
func TestOneOfManyClaimantsWins(t *testing.T) {
	d := withHosts(t, newPlace(t))
	var wg sync.WaitGroup
	won := make(chan string, 2)
	for _, host := range []string{hostName, otherHost} {
		wg.Go(func() {
			if _, err := d.Claim(guest, host, "AROA", noon); err == nil {
				won <- host
			}
		})
	}
	wg.Wait()
	if l, _ := d.Lease(guest); len(won) != 1 || l.Host != <-won {
		t.Errorf("the lease is %+v", l)
	}
}

func TestRevocationEndsTheLeaseOfTheSessions(t *testing.T) {
	p := newPlace(t)
	d := withHosts(t, p)
	first := d.mustClaim(t, guest, hostName)
	revoked, err := d.Revoke(guest, "", noon)
	if err != nil || revoked.ID == first.ID || revoked.Host != hostName || !revoked.Revoked.Equal(noon) {
		t.Errorf("revoked it is %+v, %v", revoked, err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if got, _ := p.open(t).Lease(guest); got != revoked {
		t.Errorf("after a restart it is %+v", got)
	}
}

func TestWithAHostGoItsLeases(t *testing.T) {
	p := newPlace(t)
	d := withHosts(t, p)
	d.mustClaim(t, guest, hostName)
	if err := d.RemoveHost(hostName); err != nil {
		t.Fatal(err)
	}
	if err := d.RemoveHost(hostName); !errors.Is(err, ErrNotFound) {
		t.Errorf("removed twice: %v", err)
	}
	if _, err := d.Claim(guest, hostName, "AROA", noon); !errors.Is(err, ErrNotFound) {
		t.Errorf("claimed by a host that is gone: %v", err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	d = p.open(t)
	if got := d.LeasesOf(""); len(got) != 0 {
		t.Errorf("there are the leases %v", got)
	}
	d.mustClaim(t, guest, otherHost)
}

// TestWithAnAccountGoItsHosts prunes an account with a host, its lease and a join token.
func TestWithAnAccountGoItsHosts(t *testing.T) {
	p := newPlace(t)
	d, secret := p.open(t), bytes.Repeat([]byte{1}, 32)
	file := define("/", trustEC2)
	file.Accounts = append(file.Accounts, Default(elsewhere).Accounts...)
	stays := newHost(t)
	stays.ID, stays.Account = "h-00000000000000002", elsewhere
	reconcile(t, d, file, false)
	if err := errors.Join(d.PutHost(newHost(t)), d.PutHost(stays), d.PutJoinToken(secret, account, noon.Add(time.Hour), noon)); err != nil {
		t.Fatal(err)
	}
	for instance, host := range map[string]string{guest: hostName, "i-00000000000000002": stays.ID} {
		if _, err := d.Claim(instance, host, "AROA", noon); err != nil {
			t.Fatal(err)
		}
	}
	without := Definitions{Accounts: file.Accounts[1:]}
	if reconcile(t, d, without, false); d.Snapshot().Host(hostName) == nil || len(d.LeasesOf("")) != 2 {
		t.Error("an account that is kept has lost its host")
	}
	if done := reconcile(t, d, without, true); !slices.Contains(done, "host "+hostName+" deleted with its account "+account+", and the leases of 1 instances") {
		t.Errorf("the lines are %q", done)
	}
	alone := func(d *Directory) bool {
		return d.Snapshot().Host(hostName) == nil && d.Snapshot().Host(stays.ID) != nil && len(d.LeasesOf("")) == 1 && len(d.LeasesOf(stays.ID)) == 1
	}
	if !alone(d) {
		t.Errorf("the leases are %v", d.LeasesOf(""))
	}
	// The account of that id which is made next is another.
	reconcile(t, d, file, false)
	if _, err := d.Join(secret, newHost(t), noon); !errors.Is(err, ErrJoinToken) {
		t.Errorf("a token of the account of before: %v", err)
	}
	_ = d.Close()
	if d = p.open(t); !alone(d) {
		t.Errorf("after a restart the leases are %v", d.LeasesOf(""))
	}
}

func TestAHostHasABoundedNumberOfLeases(t *testing.T) {
	d := withHosts(t, newPlace(t))
	err := d.change(func(tx *Tx) error {
		for n := range maxLeases {
			id := fmt.Sprintf("i-%017x", n)
			if err := tx.PutJSON(bucketLease, id, Lease{InstanceID: id, Host: hostName, RoleID: "AROA"}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Claim("i-fffffffffffffffff", hostName, "AROA", noon); !errors.Is(err, ErrTooManyLeases) {
		t.Errorf("one more: %v", err)
	}
	d.mustClaim(t, "i-fffffffffffffffff", otherHost)
	if _, err := d.Claim("i-00000000000000000", hostName, "AROA", noon); err != nil {
		t.Errorf("one that it has: %v", err)
	}
}

func TestAWatchIsToldWhatConcernsItsHost(t *testing.T) {
	d := withHosts(t, newPlace(t))
	w := d.Watch(hostName)
	take := func(wantAll bool, want ...string) {
		t.Helper()
		select {
		case <-w.Changed():
		default:
		}
		if all, ids := w.Take(); all != wantAll || !slices.Equal(ids, want) {
			t.Errorf("noted are %t %v, want %t %v", all, ids, wantAll, want)
		}
	}
	d.mustClaim(t, guest, hostName)
	d.mustClaim(t, "i-00000000000000001", otherHost)
	take(false) // who claims knows it
	for _, act := range []func() error{
		func() error { _, err := d.Revoke(guest, "", noon); return err },
		func() error { _, err := d.Release("i-00000000000000001", ""); return err },
		func() error { _, err := d.Release(guest, ""); return err },
	} {
		if err := act(); err != nil {
			t.Fatal(err)
		}
	}
	take(false, guest)
	d.mustGrant(t, newGrant())
	take(true)
	d.Unwatch(w)
	if err := d.RemoveGrant(account, "g"); err != nil {
		t.Fatal(err)
	}
	take(false)
}
