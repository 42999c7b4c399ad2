package oidc

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"
)

const (
	// freshness is how long keys are used before they are read again, for the next caller.
	freshness = 10 * time.Minute

	// overdue is the age at which a caller waits until they are: a key that is taken away
	// is forgotten by then, also where nobody else came meanwhile.
	overdue = 2 * freshness

	// staleness is how long keys are used when they cannot be read again.
	staleness = 24 * time.Hour

	// pause is how long a provider is left in peace after it was asked, whoever names keys
	// that it does not have, or while it is away.
	pause = 10 * time.Second

	// maxWaiting bounds the callers that wait for one provider. Each holds a connection
	// for as long as its time-out.
	maxWaiting = 64
)

// Keys keeps the keys of providers. The zero Keys is empty.
type Keys struct {
	// Now is the wall clock.
	Now func() time.Time

	mu   sync.Mutex
	kept map[string]*entry // by the provider's definition
}

// entry is what is known of one provider.
type entry struct {
	provider Provider
	door     door
	fault    error // of the last look
	set      keySet
	read     time.Time // when set was read; zero for never
	asked    time.Time // when a look began last
	used     time.Time
	looking  chan struct{} // closed when the look that is under way ends; else nil
	waiting  int
}

// Find returns the key of a provider by its id and for an algorithm. It asks the provider
// if it must, for a few seconds at most.
func (k *Keys) Find(p Provider, kid, algorithm string) (any, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	e, err := k.entry(p)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKeys, err)
	}
	now := k.Now()
	e.used = now
	key, ok := e.set.find(kid, algorithm)
	age := now.Sub(e.read)
	switch {
	case ok && age >= 0 && age < freshness:
		return key, nil
	case ok && age >= 0 && age < overdue:
		k.look(e, now) // for the next caller
		return key, nil
	}
	fresh, err := k.await(e, kid, algorithm, now)
	if err != nil && e.fault != nil && ok && age >= 0 && age < staleness {
		return key, nil // its provider is away
	}
	return fresh, err
}

// await returns the key after the keys were read again, unless that was a moment ago.
func (k *Keys) await(e *entry, kid, algorithm string, now time.Time) (any, error) {
	if e.looking == nil && now.Sub(e.asked).Abs() < pause {
		return nil, e.without()
	}
	k.look(e, now)
	if err := k.wait(e); err != nil {
		return nil, err
	}
	if key, ok := e.set.find(kid, algorithm); ok && e.fault == nil {
		return key, nil
	}
	return nil, e.without()
}

// without says why there is no key.
func (e *entry) without() error {
	if e.fault != nil {
		return e.fault
	}
	return fmt.Errorf("%w: its key set has no key of the token's kid for its algorithm", ErrKeys)
}

// wait waits for the look that is under way, without the lock.
func (k *Keys) wait(e *entry) error {
	if e.waiting >= maxWaiting {
		return fmt.Errorf("%w: %d callers wait for it already", ErrUnreachable, maxWaiting)
	}
	done := e.looking
	e.waiting++
	k.mu.Unlock()
	<-done
	k.mu.Lock()
	e.waiting--
	return nil
}

// entry finds or makes the entry of a provider. A definition that changed is another.
func (k *Keys) entry(p Provider) (*entry, error) {
	name := strings.Join(append([]string{p.Issuer, p.Endpoint, p.CA, fmt.Sprint(p.OnPremises)}, p.Thumbprints...), "\x00")
	if e := k.kept[name]; e != nil {
		return e, nil
	}
	d, err := newDoor(p)
	if err != nil {
		return nil, err
	}
	if k.kept == nil {
		k.kept = map[string]*entry{}
	}
	k.forget()
	e := &entry{provider: p, door: d}
	k.kept[name] = e
	return e, nil
}

// forget drops what nobody asked for in a long time.
func (k *Keys) forget() {
	for name, e := range k.kept {
		if e.looking == nil && k.Now().Sub(e.used) > staleness {
			delete(k.kept, name)
		}
	}
}

// look begins to read the keys, unless that is under way or was a moment ago. It goes on
// when the caller that began it has gone: others wait for it.
func (k *Keys) look(e *entry, now time.Time) {
	if e.looking != nil || now.Sub(e.asked).Abs() < pause {
		return
	}
	e.asked, e.looking = now, make(chan struct{})
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), timeout)
		defer cancel()
		set, err := discover(ctx, e.door, cmp.Or(e.provider.Endpoint, e.provider.Issuer), e.provider.Issuer)
		k.mu.Lock()
		defer k.mu.Unlock()
		if e.fault = err; err == nil {
			e.set, e.read = set, k.Now()
		}
		close(e.looking)
		e.looking = nil
	}()
}

// wellKnown is where discovery begins
// (https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfigurationRequest).
const wellKnown = "/.well-known/openid-configuration"

// discover reads the keys of an issuer, whose document may be at another endpoint.
func discover(ctx context.Context, d door, endpoint, issuer string) (keySet, error) {
	body, err := d.get(ctx, strings.TrimSuffix(endpoint, "/")+wellKnown)
	if err != nil {
		return nil, err
	}
	var document struct {
		Issuer string `json:"issuer"`
		Keys   string `json:"jwks_uri"`
	}
	if err := json.Unmarshal(body, &document); err != nil {
		return nil, fmt.Errorf("%w: its discovery document is not JSON", ErrKeys)
	}
	if document.Issuer != issuer {
		return nil, fmt.Errorf("%w: its discovery document is of another issuer, %.200q", ErrKeys, document.Issuer)
	}
	if body, err = d.get(ctx, document.Keys); err != nil {
		return nil, err
	}
	return parseKeySet(body)
}
