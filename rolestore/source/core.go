package source

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/rolecall/rolecall/rolestore"
	"github.com/rolecall/rolecall/rolestore/hosttoken"
	"github.com/rolecall/rolecall/rolestore/identity"
)

const (
	// coreTimeout bounds a call, but for the stream of events.
	coreTimeout = 5 * time.Second

	// silence is how long a stream may be silent before it is taken for lost.
	silence = 3 * hosttoken.Heartbeat

	// maxEvent bounds a line of the stream, and maxReply another answer, in bytes.
	maxEvent = 4 << 10
	maxReply = 64 << 10
)

// ErrUnknownHost is returned when the core does not know this host, or knows another
// key of it: it was removed.
var ErrUnknownHost = errors.New("the core does not know this host any more: join again")

// ErrNotFound is returned for what the core does not have, or not for this host.
var ErrNotFound = errors.New("the core has no such thing for this host")

// ErrAway is returned when the core cannot be reached.
var ErrAway = errors.New("the core does not answer")

// CoreConfig is what [NewCore] needs; see [WebIdentityConfig].
type CoreConfig struct {
	Client   *http.Client
	Endpoint string
	Host     string
	Key      *ecdsa.PrivateKey
	Core     string
	// Now is the wall clock.
	Now func() time.Time
}

// Core is the host API of this host's core; see [hosttoken.Prefix].
type Core struct{ config CoreConfig }

// NewCore returns a client. It does not ask the core anything yet.
func NewCore(c CoreConfig) *Core { return &Core{c} }

// Release gives an instance up, so that another host may have it. That the host has
// it not is no error.
func (c *Core) Release(ctx context.Context, instance string) error {
	err := c.call(ctx, http.MethodDelete, hosttoken.PathLeases+instance, nil, nil)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// Revoke ends the sessions of an instance, and returns how it stands then. The error
// for one that the host never fetched a role for is [ErrNotFound].
func (c *Core) Revoke(ctx context.Context, instance string) (hosttoken.Event, error) {
	var event hosttoken.Event
	err := c.call(ctx, http.MethodPost, hosttoken.PathLeases+instance+"/revoke", nil, &event)
	return event, err
}

// Identity has the identity document of an instance signed, with what this host declares
// of it. The error for one that is not leased to this host is [ErrNotFound], and that of
// a core that is away is [ErrAway].
func (c *Core) Identity(ctx context.Context, instance string, d identity.Declared) (identity.Signed, error) {
	var signed identity.Signed
	in, err := json.Marshal(d)
	if err != nil {
		return signed, err
	}
	if err := c.call(ctx, http.MethodPost, hosttoken.PathLeases+instance+hosttoken.SuffixIdentity, in, &signed); err != nil {
		return signed, err
	}
	if signed.Document == "" || signed.Signature == "" || signed.PKCS7 == "" {
		return signed, errors.New("the core's answer is no signed document")
	}
	return signed, nil
}

// Profile returns an instance profile by its name, if it is granted to this host.
func (c *Core) Profile(ctx context.Context, name string) (rolestore.InstanceProfile, error) {
	var p hosttoken.Profile
	err := c.call(ctx, http.MethodGet, hosttoken.PathProfiles+name, nil, &p)
	return rolestore.InstanceProfile{ARN: p.ARN, ID: p.ID, Role: rolestore.Role{ARN: p.RoleARN}}, err
}

// Watch calls tell with each event, until ctx ends or the stream does, which is an
// error always. began is called once the core has accepted the stream.
func (c *Core) Watch(ctx context.Context, began func(), tell func(hosttoken.Event)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	reply, err := c.ask(ctx, http.MethodGet, hosttoken.PathEvents, nil)
	if err != nil {
		return err
	}
	defer func() { _ = reply.Body.Close() }()
	began()
	watchdog := time.AfterFunc(silence, cancel)
	defer watchdog.Stop()
	lines := bufio.NewScanner(reply.Body)
	lines.Buffer(make([]byte, 0, maxEvent), maxEvent)
	for lines.Scan() {
		watchdog.Reset(silence)
		if len(lines.Bytes()) == 0 {
			continue
		}
		var event hosttoken.Event
		if err := json.Unmarshal(lines.Bytes(), &event); err != nil {
			return fmt.Errorf("the core's event is no JSON: %w", err)
		}
		if event.Removed {
			return ErrUnknownHost
		}
		tell(event)
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("the core's events end: %w", rootCause(err, c.config.Endpoint))
	}
	return errors.New("the core ended its events")
}

// call carries out a request and decodes the answer into out, if not nil.
func (c *Core) call(ctx context.Context, method, path string, in []byte, out any) error {
	ctx, cancel := context.WithTimeout(ctx, coreTimeout)
	defer cancel()
	reply, err := c.ask(ctx, method, path, in)
	if err != nil {
		return err
	}
	defer func() { _ = reply.Body.Close() }()
	if out == nil {
		return nil
	}
	if err := json.NewDecoder(io.LimitReader(reply.Body, maxReply)).Decode(out); err != nil {
		return fmt.Errorf("the core's answer is no JSON: %w", err)
	}
	return nil
}

// ask sends a request and returns an answer that is no refusal.
func (c *Core) ask(ctx context.Context, method, path string, in []byte) (*http.Response, error) {
	token, err := hosttoken.SignCall(c.config.Key, hosttoken.Call{Host: c.config.Host, Core: c.config.Core, Method: method, Path: path}, c.config.Now())
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, method, c.config.Endpoint+path, bytes.NewReader(in))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	reply, err := c.config.Client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAway, rootCause(err, c.config.Endpoint))
	}
	if reply.StatusCode/100 == 2 {
		return reply, nil
	}
	defer func() { _ = reply.Body.Close() }()
	var refusal hosttoken.Refusal
	_ = json.NewDecoder(io.LimitReader(reply.Body, maxReply)).Decode(&refusal) // an answer without a message has its status
	switch {
	case refusal.Code == hosttoken.CodeUnknownHost:
		return nil, ErrUnknownHost
	case reply.StatusCode == http.StatusNotFound && refusal.Message != "":
		return nil, ErrNotFound
	}
	return nil, fmt.Errorf("the core answers %s: %s", reply.Status, refusal.Message)
}
