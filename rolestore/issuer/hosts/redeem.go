package hosts

import (
	"crypto/ecdsa"
	"errors"
	"fmt"
	"time"

	"github.com/rolecall/rolecall/rolestore/hosttoken"
	"github.com/rolecall/rolecall/rolestore/issuer/directory"
	"github.com/rolecall/rolecall/rolestore/issuer/policy"
)

// service is who assumes a role on behalf of an instance.
const service = "ec2.amazonaws.com"

// ErrDenied is returned for a sound token whose host may not have what it asks
// for. The wrapping error says why; it is for the core's log, not for the host.
var ErrDenied = errors.New("denied")

// Request is what accompanies the token in the call.
type Request struct {
	RoleARN     string
	SessionName string
	Duration    time.Duration
}

// Redeem returns the role that the token buys, and what the token says. Besides
// [ErrDenied] it returns the errors of [hosttoken.Verify].
func Redeem(d *directory.Snapshot, token string, asked Request, now time.Time) (*directory.Role, hosttoken.Claims, error) {
	keyOf := func(id string) *ecdsa.PublicKey {
		if h := d.Host(id); h != nil {
			return h.Key
		}
		return nil
	}
	claims, err := hosttoken.Verify(token, d.CoreID(), keyOf, now)
	if err != nil {
		return nil, claims, err
	}
	if asked != (Request{claims.RoleARN, claims.SessionName, claims.Duration}) {
		return nil, claims, fmt.Errorf("%w: the request is not the one that the token is for", ErrDenied)
	}
	if claims.SessionName != claims.InstanceID {
		return nil, claims, fmt.Errorf("%w: the session is not named after its instance", ErrDenied)
	}
	host := d.Host(claims.Host)
	if !host.Grant.CoversInstance(claims.InstanceID) {
		return nil, claims, fmt.Errorf("%w: host %s is not granted instance %s", ErrDenied, host.ID, claims.InstanceID)
	}
	role := granted(d, host, claims.RoleARN)
	if role == nil {
		return nil, claims, fmt.Errorf("%w: host %s is not granted a profile with role %s", ErrDenied, host.ID, claims.RoleARN)
	}
	context := policy.NewContext()
	context.SetTime("aws:CurrentTime", now)
	context.SetInt("aws:EpochTime", now.Unix())
	context.SetBool("aws:PrincipalIsAWSService", true)
	context.Set("aws:PrincipalServiceName", service)
	context.SetBool("aws:ViaAWSService", false)
	context.Set("sts:RoleSessionName", claims.SessionName)
	decision := policy.Evaluate(policy.Request{
		Principal: policy.Principal{Service: service},
		Action:    "sts:AssumeRole",
		Resource:  role.ARN(),
		Context:   context,
	}, policy.Policies{Resource: &policy.Policy{Document: role.Trust}})
	if !decision.Allowed() {
		return nil, claims, fmt.Errorf("%w: the trust policy of %s does not let %s assume it", ErrDenied, role.ARN(), service)
	}
	return role, claims, nil
}

// granted returns the role of that ARN if one of the host's profiles holds it.
// Role, profile and host are of one account.
func granted(d *directory.Snapshot, h *directory.Host, roleARN string) *directory.Role {
	for _, arn := range h.Grant.InstanceProfiles {
		profile := d.InstanceProfile(arn)
		if profile == nil || profile.Account != h.Account {
			continue
		}
		if role := d.RoleByName(h.Account, profile.Role); role != nil && role.ARN() == roleARN {
			return role
		}
	}
	return nil
}
