package hosts

import (
	"cmp"
	"crypto/ecdsa"
	"errors"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/rolecall/rolecall/rolestore/hosttoken"
	"github.com/rolecall/rolecall/rolestore/identity"
	"github.com/rolecall/rolecall/rolestore/issuer/directory"
	"github.com/rolecall/rolecall/rolestore/issuer/policy"
	"github.com/rolecall/rolecall/rolestore/issuer/session"
)

// Directory is what the desk needs of the core's directory.
type Directory interface {
	// Snapshot returns the definitions as they are now, without blocking.
	Snapshot() *directory.Snapshot
	// Lease returns the lease of an instance, and whether there is one.
	Lease(instance string) (directory.Lease, bool)
	// Claim gives the instance to the host, durably, unless another has it.
	Claim(instance, host, roleID string, now time.Time) (directory.Lease, error)
}

// Desk is where hosts ask. It remembers which tokens were used and counts what
// came of them; it is safe for concurrent use.
type Desk struct {
	directory Directory
	once      *once

	mu     sync.Mutex
	counts map[string]uint64
}

// New returns a desk that has seen no token before now.
func New(d Directory, now time.Time) *Desk {
	return &Desk{directory: d, once: newOnce(now), counts: map[string]uint64{}}
}

// Counts are the host tokens since the start of the core, by what came of them:
// accepted, or the reason why not.
func (d *Desk) Counts() map[string]uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return maps.Clone(d.counts)
}

// reasons are the names of refusals; the first that applies is counted.
var reasons = []struct {
	err  error
	name string
}{
	{hosttoken.ErrExpired, "expired"},
	{hosttoken.ErrInvalid, "invalid"},
	{ErrReplayed, "replayed"},
	{ErrBusy, "too_many"},
	{directory.ErrTooManyLeases, "too_many"},
	{directory.ErrLeased, "leased_to_another"},
	{directory.ErrJoinToken, "join_token"},
	{directory.ErrHostTaken, "host_taken"},
	{errOtherRequest, "other_request"},
	{errUnlisted, "tag_not_granted"},
	{ErrDenied, "denied"},
}

// count notes what came of a token.
func (d *Desk) count(err error) {
	name := "accepted"
	if err != nil {
		name = "failed"
		for _, r := range reasons {
			if errors.Is(err, r.err) {
				name = r.name
				break
			}
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.counts[name]++
}

// keyOf returns the key of a registered host.
func keyOf(s *directory.Snapshot) func(string) *ecdsa.PublicKey {
	return func(id string) *ecdsa.PublicKey {
		if h := s.Host(id); h != nil {
			return h.Key
		}
		return nil
	}
}

// Call returns the host that makes the request of that method and path, which the
// token must be for. The errors are those of [Desk.Redeem].
func (d *Desk) Call(token, method, path string, now time.Time) (*directory.Host, error) {
	host, err := d.call(token, method, path, now)
	d.count(err)
	return host, err
}

func (d *Desk) call(token, method, path string, now time.Time) (*directory.Host, error) {
	s := d.directory.Snapshot()
	c, err := hosttoken.VerifyCall(token, s.CoreID(), keyOf(s), now)
	if err != nil {
		return nil, err
	}
	if c.Method != method || c.Path != path {
		return nil, errOtherRequest
	}
	return s.Host(c.Host), d.once.use(c.Host, c.Once, c.Issued, now)
}

// Join checks that the token is a host's that joins, signed with the key that it is
// to be known by, and has it enrolled. The errors are those of [Desk.Redeem] and of
// enrol.
func (d *Desk) Join(token, host string, key *ecdsa.PublicKey, now time.Time, enrol func() error) error {
	err := d.join(token, host, key, now)
	if err == nil {
		err = enrol()
	}
	d.count(err)
	return err
}

func (d *Desk) join(token, host string, key *ecdsa.PublicKey, now time.Time) error {
	own := func(id string) *ecdsa.PublicKey {
		if id == host {
			return key
		}
		return nil
	}
	// An invitation is used up once, so that the token need not be remembered.
	c, err := hosttoken.VerifyCall(token, d.directory.Snapshot().CoreID(), own, now)
	if err == nil && (c.Method != http.MethodPost || c.Path != hosttoken.PathJoin) {
		err = errOtherRequest
	}
	return err
}

// State is how an instance stands, as its host is told.
func (d *Desk) State(host, instance string) hosttoken.Event {
	event := hosttoken.Event{InstanceID: instance}
	s := d.directory.Snapshot()
	lease, ok := d.directory.Lease(instance)
	if !ok || lease.Host != host {
		return event
	}
	role, registered := s.RoleByID(lease.RoleID), s.Host(host)
	if role == nil || registered == nil {
		return event
	}
	_, grant, err := granted(s, registered, instance, role.ARN())
	if err != nil {
		return event
	}
	event.Valid, event.Since = true, lease.Revoked
	if grant.Retagged.After(lease.Since) && grant.Retagged.After(event.Since) {
		event.Since = grant.Retagged
	}
	return event
}

// Vouch returns what the core knows of an instance that is leased to the host, and that
// the host is granted. The error is [directory.ErrNotFound].
func (d *Desk) Vouch(host *directory.Host, instance string) (identity.Vouched, error) {
	if !d.State(host.ID, instance).Valid {
		return identity.Vouched{}, directory.ErrNotFound
	}
	return identity.Vouched{AccountID: host.Account, InstanceID: instance}, nil
}

// Profile returns the instance profile of that name that the host is granted. The
// error is [directory.ErrNotFound].
func (d *Desk) Profile(host *directory.Host, name string) (hosttoken.Profile, error) {
	s := d.directory.Snapshot()
	profile := s.InstanceProfileByName(host.Account, name)
	for _, grant := range s.GrantsOf(host.ID) {
		if profile == nil || grant.Account != host.Account || !slices.Contains(grant.InstanceProfiles, profile.ARN()) {
			continue
		}
		found := hosttoken.Profile{ARN: profile.ARN(), ID: profile.UniqueID}
		if role := s.RoleByName(host.Account, profile.Role); role != nil {
			found.RoleARN = role.ARN()
		}
		return found, nil
	}
	return hosttoken.Profile{}, directory.ErrNotFound
}

// Stands reports whether a session that a host was given for its instance still is
// what the host would be given: the instance is leased to it as it was then, and the
// role is granted to it. A session that no host was given stands.
func (d *Desk) Stands(s *directory.Snapshot, c session.Claims) bool {
	if c.Lease == "" {
		return true
	}
	lease, ok := d.directory.Lease(c.SessionName)
	if !ok || lease.ID != c.Lease {
		return false
	}
	role := s.RoleByID(c.Principal)
	return role != nil && d.granted(s, lease, role.ARN())
}

func (d *Desk) granted(s *directory.Snapshot, l directory.Lease, roleARN string) bool {
	host := s.Host(l.Host)
	if host == nil {
		return false
	}
	_, _, err := granted(s, host, l.InstanceID, roleARN)
	return err == nil
}

// SetInstanceKeys sets the condition keys by which policies tell a session of an
// instance from others of its role: the region may be empty, as in a grant
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html).
func SetInstanceKeys(c *policy.Context, region, account, instance string) {
	c.Set("ec2:SourceInstanceARN", "arn:"+directory.Partition+":ec2:"+cmp.Or(region, directory.DefaultRegion)+":"+account+":instance/"+instance)
}
