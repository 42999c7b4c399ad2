package main

import (
	"fmt"
	"strings"

	"github.com/rolecall/rolecall/rolestore"
	"github.com/rolecall/rolecall/rolestore/hold"
	"github.com/rolecall/rolecall/rolestore/issuer/directory"
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
		return rolestore.InstanceProfile{}, fmt.Errorf("instance profile %q of account %s has the role %q, which is gone: define it in core.yaml, or name another profile", reference, account, profile.Role)
	}
	return rolestore.InstanceProfile{ARN: profile.ARN(), ID: profile.UniqueID, Role: rolestore.Role{ARN: role.ARN()}}, nil
}

// knownProfiles are those that instances on this host have: what an agent knows whose
// core is elsewhere.
type knownProfiles struct{ identity *hold.Agent }

func (k knownProfiles) find(reference string) (rolestore.InstanceProfile, error) {
	for _, r := range k.identity.Registrations() {
		if p := r.Instance.Profile; p.ARN == reference || p.ARN != "" && p.ARN[strings.LastIndexByte(p.ARN, '/')+1:] == reference {
			return p, nil
		}
	}
	return rolestore.InstanceProfile{}, fmt.Errorf("this agent's core is elsewhere, and no instance here has the instance profile %q: "+
		"say what is in it, as in iam_instance_profile: {arn: ..., id: ..., role: {arn: ...}}", reference)
}
