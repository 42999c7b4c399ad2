package directory

import (
	"bytes"
	"errors"
	"os"
	"sync"
	"testing"
	"time"
)

func TestAJoinTokenIsGoodForOneHostAndAWhile(t *testing.T) {
	p := newPlace(t)
	d := p.open(t)
	reconcile(t, d, Default(account), false)
	secret, late := []byte("secret-of-the-first"), []byte("secret-of-the-second")
	for _, s := range [][]byte{secret, late} {
		if err := d.PutJoinToken(s, account, noon.Add(time.Hour), noon); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.PutJoinToken(secret, elsewhere, noon.Add(time.Hour), noon); !errors.Is(err, ErrNotFound) {
		t.Errorf("of an account that is not there: %v", err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(p.path); err != nil || bytes.Contains(text, secret) {
		t.Errorf("the file shows the secret (%v)", err)
	}
	d = p.open(t)

	host := newHost(t)
	host.Account = "" // it is the token's
	if _, err := d.Join([]byte("a guess"), host, noon); !errors.Is(err, ErrJoinToken) {
		t.Errorf("a guess: %v", err)
	}
	if got, err := d.Join(secret, host, noon); err != nil || got != account {
		t.Fatalf("Join = %s, %v", got, err)
	}
	if got := d.Snapshot().Host(host.ID); got == nil || got.Account != account || !got.Joined.Equal(noon) || !got.Key.Equal(host.Key) {
		t.Errorf("the host is %+v", got)
	}
	second := newHost(t)
	second.ID = otherHost
	for name, with := range map[string][]byte{"used": secret, "expired": late} {
		if _, err := d.Join(with, second, noon.Add(time.Hour)); !errors.Is(err, ErrJoinToken) || d.Snapshot().Host(otherHost) != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAJoinTokenOfAnAccountThatIsGoneIsNoGood(t *testing.T) {
	d := newPlace(t).open(t)
	both := Definitions{Accounts: append(Default(elsewhere).Accounts, Default(account).Accounts...)}
	reconcile(t, d, both, false)
	if err := d.PutJoinToken([]byte("s"), account, noon.Add(time.Hour), noon); err != nil {
		t.Fatal(err)
	}
	reconcile(t, d, Definitions{Accounts: Default(elsewhere).Accounts}, true)
	if _, err := d.Join([]byte("s"), newHost(t), noon); !errors.Is(err, ErrJoinToken) {
		t.Errorf("got %v", err)
	}
}

func TestOneOfManyWhoShareAJoinTokenJoins(t *testing.T) {
	d := newPlace(t).open(t)
	reconcile(t, d, Default(account), false)
	if err := d.PutJoinToken([]byte("s"), account, noon.Add(time.Hour), noon); err != nil {
		t.Fatal(err)
	}
	first, second := newHost(t), newHost(t)
	second.ID = otherHost
	var wg sync.WaitGroup
	for _, h := range []Host{first, second} {
		wg.Go(func() { _, _ = d.Join([]byte("s"), h, noon) })
	}
	wg.Wait()
	if n := len(d.Snapshot().Hosts()); n != 1 {
		t.Errorf("%d hosts have joined", n)
	}
}

// TestNobodyTakesAHostsPlace has a host of another account, or with another key, join
// by the id of one that is registered.
func TestNobodyTakesAHostsPlace(t *testing.T) {
	d := withHost(t, newPlace(t))
	have := d.Snapshot().Host(hostName)
	thief := newHost(t) // the same id, another key
	for _, in := range []string{account, elsewhere} {
		if err := d.PutJoinToken([]byte(in), in, noon.Add(time.Hour), noon); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Join([]byte(in), thief, noon); !errors.Is(err, ErrHostTaken) {
			t.Errorf("in account %s: %v", in, err)
		}
	}
	if got := d.Snapshot().Host(hostName); !got.Key.Equal(have.Key) || got.Account != account {
		t.Errorf("the host is %+v", got)
	}
	if _, err := d.Join([]byte(elsewhere), *have, noon); !errors.Is(err, ErrHostTaken) {
		t.Errorf("the host itself, in another account: %v", err)
	}
	if _, err := d.Join([]byte(account), *have, noon); err != nil {
		t.Errorf("the host itself, once more: %v", err)
	}
}

func TestTheAuthorityStays(t *testing.T) {
	p := newPlace(t)
	d := p.open(t)
	first, err := d.Authority(noon)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := p.open(t).Authority(noon.Add(time.Hour))
	if err != nil || !again.Certificate.Equal(first.Certificate) || !again.Key.Equal(first.Key) {
		t.Errorf("after a restart: %v", err)
	}
}
