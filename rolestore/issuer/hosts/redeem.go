package hosts

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/rolecall/rolecall/rolestore/hosttoken"
	"github.com/rolecall/rolecall/rolestore/issuer/directory"
	"github.com/rolecall/rolecall/rolestore/issuer/policy"
	"github.com/rolecall/rolecall/rolestore/issuer/session"
)

// service is who assumes a role on behalf of an instance.
const service = "ec2.amazonaws.com"

// ErrDenied is returned for a sound token whose host may not have what it asks
// for. The wrapping error says why; it is for the core's log, not for the host.
var ErrDenied = errors.New("denied")

// errOtherRequest is the denial of a token in a request that it was not made for.
var errOtherRequest = fmt.Errorf("%w: the request is not the one that the token is for", ErrDenied)

// TagError is the denial of session tags that the grant does not let its host set. It
// wraps [ErrDenied]. The host may know of it: it tells nothing but what the host was
// granted itself.
type TagError struct {
	Grant string
	Keys  []string
}

// Error implements error.
func (e *TagError) Error() string {
	return fmt.Sprintf("grant %s does not list the tag keys %s", e.Grant, strings.Join(e.Keys, ", "))
}

// Unwrap is for [errors.Is].
func (e *TagError) Unwrap() error { return errUnlisted }

var errUnlisted = fmt.Errorf("%w: tag keys that are not granted", ErrDenied)

// instanceID is EC2's form of ids, the short one of before 2016 included.
var instanceID = regexp.MustCompile(`^i-([0-9a-f]{8}|[0-9a-f]{17})$`)

// Request is what accompanies the token in the call.
type Request struct {
	RoleARN     string
	SessionName string
	Duration    time.Duration
	// Context holds the condition keys of the call itself, such as aws:SourceIp; those
	// of the service that makes it are added. It may be nil.
	Context *policy.Context
}

// Redemption is what a token buys.
type Redemption struct {
	Role *directory.Role
	// Claims are what the token says.
	Claims hosttoken.Claims
	// Lease is the id of the instance's lease, which the session is bound to.
	Lease string
	// Region is the instance's, from the grant.
	Region string
	// Tags are the session's: the grant's, and those that it lets the host set.
	Tags []session.Tag
}

// Redeem returns what the token buys. Besides [ErrDenied], [ErrReplayed] and
// [ErrBusy] it returns the errors of [hosttoken.Verify]. What the token says is
// returned with an error, too, if it is the host's word.
func (d *Desk) Redeem(token string, asked Request, now time.Time) (Redemption, error) {
	r, err := d.redeem(token, asked, now)
	d.count(err)
	return r, err
}

func (d *Desk) redeem(token string, asked Request, now time.Time) (r Redemption, err error) {
	s := d.directory.Snapshot()
	if r.Claims, err = hosttoken.Verify(token, s.CoreID(), keyOf(s), now); err != nil {
		return r, err
	}
	c := r.Claims
	switch {
	case asked.RoleARN != c.RoleARN || asked.SessionName != c.SessionName || asked.Duration != c.Duration:
		return r, errOtherRequest
	case c.SessionName != c.InstanceID:
		return r, fmt.Errorf("%w: the session is not named after its instance", ErrDenied)
	case !instanceID.MatchString(c.InstanceID):
		return r, fmt.Errorf("%w: %.32q is no instance id", ErrDenied, c.InstanceID)
	}
	if err := directory.CheckTags(c.Tags); err != nil {
		return r, fmt.Errorf("%w: tags: %w", hosttoken.ErrInvalid, err)
	}
	if err := d.once.use(c.Host, c.Once, c.Issued, now); err != nil {
		return r, err
	}
	role, grant, err := granted(s, s.Host(c.Host), c.InstanceID, c.RoleARN)
	if err != nil {
		return r, err
	}
	tags, err := tagged(grant, c.Tags)
	if err != nil {
		return r, err
	}
	if !trusted(role, grant, tags, asked, now) {
		return r, fmt.Errorf("%w: the trust policy of %s does not let %s assume it", ErrDenied, role.ARN(), service)
	}
	lease, err := d.directory.Claim(c.InstanceID, c.Host, role.UniqueID, now)
	switch {
	case errors.Is(err, directory.ErrLeased), errors.Is(err, directory.ErrNotFound):
		return r, fmt.Errorf("%w: %w", ErrDenied, err)
	case err != nil:
		return r, err
	}
	r.Role, r.Lease, r.Region, r.Tags = role, lease.ID, grant.Region, tags
	return r, nil
}

// trusted evaluates the trust policy once, for the service and as sts:AssumeRole.
func trusted(role *directory.Role, grant *directory.Grant, tags []session.Tag, asked Request, now time.Time) bool {
	decision := policy.Evaluate(matter(role, grant, tags, asked, now))
	return decision.Allowed()
}

// matter is what the service asks on behalf of an instance, and the policy that has a
// say. It is the grant that says who sets which tags, so no sts:TagSession is asked for.
func matter(role *directory.Role, grant *directory.Grant, tags []session.Tag, asked Request, now time.Time) (policy.Request, policy.Policies) {
	context := asked.Context.Clone()
	context.SetTime("aws:CurrentTime", now)
	context.SetInt("aws:EpochTime", now.Unix())
	context.SetBool("aws:PrincipalIsAWSService", true)
	context.Set("aws:PrincipalServiceName", service)
	context.SetBool("aws:ViaAWSService", false)
	context.Set("aws:RequestedRegion", cmp.Or(grant.Region, directory.DefaultRegion)) // EC2 asks where the instance is
	context.Set("sts:RoleSessionName", asked.SessionName)
	var keys, transitive []string
	for _, t := range tags {
		context.Set("aws:RequestTag/"+t.Key, t.Value)
		keys = append(keys, t.Key)
		if t.Transitive {
			transitive = append(transitive, t.Key)
		}
	}
	context.SetAll("aws:TagKeys", keys)
	context.SetAll("sts:TransitiveTagKeys", transitive)
	for k, v := range role.Tags {
		context.Set("aws:ResourceTag/"+k, v)
		context.Set("iam:ResourceTag/"+k, v)
	}
	return policy.Request{Principal: policy.Principal{Service: service}, Action: "sts:AssumeRole", Resource: role.ARN(), Context: context},
		policy.Policies{Resource: &policy.Policy{Name: "trust policy of " + role.ARN(), Document: role.Trust}}
}

// tagged returns the tags of a session: the grant's and those that the host sets, none
// of which is the grant's. The host's pass on to the sessions that are bought with this
// one, as EKS's of pods do (https://docs.aws.amazon.com/eks/latest/userguide/pod-id-abac.html).
func tagged(grant *directory.Grant, set map[string]string) ([]session.Tag, error) {
	if unlisted := grant.UnlistedTags(set); unlisted != nil {
		return nil, &TagError{grant.Name, unlisted}
	}
	var tags []session.Tag
	for _, k := range slices.Sorted(maps.Keys(grant.Tags)) {
		tags = append(tags, session.Tag{Key: k, Value: grant.Tags[k]})
	}
	for _, k := range slices.Sorted(maps.Keys(set)) {
		tags = append(tags, session.Tag{Key: k, Value: set[k], Transitive: true})
	}
	return tags, nil
}

// granted returns the role of that ARN and the first of the host's grants, by name,
// that covers the instance and has a profile with the role. Role, profile, grant and
// host are of one account.
func granted(s *directory.Snapshot, h *directory.Host, instance, roleARN string) (*directory.Role, *directory.Grant, error) {
	covered := false
	for _, grant := range s.GrantsOf(h.ID) {
		if grant.Account != h.Account || !grant.CoversInstance(instance) {
			continue
		}
		covered = true
		for _, arn := range grant.InstanceProfiles {
			profile := s.InstanceProfile(arn)
			if profile == nil || profile.Account != h.Account {
				continue
			}
			if role := s.RoleByName(h.Account, profile.Role); role != nil && role.ARN() == roleARN {
				return role, grant, nil
			}
		}
	}
	if !covered {
		return nil, nil, fmt.Errorf("%w: host %s is not granted instance %s", ErrDenied, h.ID, instance)
	}
	return nil, nil, fmt.Errorf("%w: host %s is not granted a profile with role %s", ErrDenied, h.ID, roleARN)
}
