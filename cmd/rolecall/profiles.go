package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/rolecall/rolecall/rolestore"
	"github.com/rolecall/rolecall/rolestore/issuer/directory"
	"github.com/rolecall/rolecall/rolestore/source"
)

// profiles says what is in an instance profile that is given by its ARN or name.
type profiles interface {
	// find returns the profile with its role. The error names the remedy.
	find(reference string) (rolestore.InstanceProfile, error)
}

// coreProfiles are those of the core in this process.
type coreProfiles struct{ directory *directory.Directory }

func (c coreProfiles) find(reference string) (rolestore.InstanceProfile, error) {
	d := c.directory.Snapshot()
	account := d.HomeAccount()
	profile := d.InstanceProfileByName(account, reference)
	if strings.HasPrefix(reference, "arn:") {
		profile = d.InstanceProfile(reference)
	}
	if profile == nil {
		return rolestore.InstanceProfile{}, fmt.Errorf("account %s has no instance profile %q: define it in core.yaml, or name another", account, reference)
	}
	if profile.Account != account {
		return rolestore.InstanceProfile{}, fmt.Errorf("instance profile %s is of another account than this host, which belongs to %s: name one of that account", reference, account)
	}
	role := d.RoleByName(profile.Account, profile.Role)
	if role == nil {
		return rolestore.InstanceProfile{}, fmt.Errorf("%w: %s of account %s: %s", errNoRole, reference, account, addRole)
	}
	return rolestore.InstanceProfile{ARN: profile.ARN(), ID: profile.UniqueID, Role: rolestore.Role{ARN: role.ARN()}}, nil
}

// errNoRole is for an instance profile that nothing is in.
var errNoRole = errors.New("the instance profile has no role")

const addRole = "add one in core.yaml or with `aws iam add-role-to-instance-profile`, or name another profile"

// grantedProfiles are those that a core elsewhere grants this host; while it is away,
// those that instances here have.
type grantedProfiles struct{ agent *agentHalf }

// profileTime is how long the core may take: instances of files wait for it at start.
const profileTime = 5 * time.Second

func (g grantedProfiles) find(reference string) (rolestore.InstanceProfile, error) {
	ctx, cancel := context.WithTimeout(context.Background(), profileTime)
	defer cancel()
	p, err := g.agent.core.Profile(ctx, nameOf(reference))
	switch {
	case errors.Is(err, source.ErrNotFound), err == nil && strings.HasPrefix(reference, "arn:") && p.ARN != reference:
		return rolestore.InstanceProfile{}, fmt.Errorf("the core grants this host, %s, no instance profile %q: grant it there with `rolecall core grant put`",
			g.agent.identity.HostID(), reference)
	case err == nil && p.Role.ARN == "":
		return rolestore.InstanceProfile{}, fmt.Errorf("%w: %s: %s", errNoRole, reference, addRole)
	case err == nil:
		return p, nil
	}
	for _, r := range g.agent.identity.Registrations() {
		if p := r.Instance.Profile; p.ARN == reference || p.ARN != "" && nameOf(p.ARN) == reference {
			return p, nil
		}
	}
	return rolestore.InstanceProfile{}, fmt.Errorf("what is in the instance profile %q is not known here: %w; "+
		"say it yourself, as in iam_instance_profile: {arn: ..., id: ..., role: {arn: ...}}, or try again", reference, err)
}

// nameOf is the name in an ARN, or the name itself.
func nameOf(reference string) string { return reference[strings.LastIndexByte(reference, '/')+1:] }
