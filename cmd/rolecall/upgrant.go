package main

import (
	"context"
	"slices"
	"strings"

	"github.com/rolecall/rolecall/rolestore/issuer/directory"
)

// ownGrant is the name of the grant that `up` gives its own host.
const ownGrant = "rolecall-up"

// everyInstance are all ids that EC2's form allows.
var everyInstance = "i-" + strings.Repeat("[0-9a-f]", 17)

// grantOwn registers this host in the core's home account and grants it all profiles of
// that account, of which there may be others after each change of core.yaml, in the name
// of the core's own administrator.
func grantOwn(core *coreHalf, agent *agentHalf, region string) error {
	d := core.Directory()
	host := directory.Host{ID: agent.identity.HostID(), Account: d.Snapshot().HomeAccount(), Key: &agent.identity.HostKey().PublicKey, Joined: agent.world.now()}
	if err := d.PutHost(host); err != nil {
		return err
	}
	return putOwnGrant(core, agent, region)
}

// putOwnGrant grants this host the profiles that hold a role. While none does, it leaves
// the grant as it is.
func putOwnGrant(core *coreHalf, agent *agentHalf, region string) error {
	d := core.Directory()
	account := d.Snapshot().HomeAccount()
	grant := directory.Grant{Name: ownGrant, ManagedBy: directory.ManagedByCore, Account: account, Host: agent.identity.HostID(),
		InstanceProfiles: withRoles(d.Snapshot(), account), InstanceIDs: []string{everyInstance}, Region: region, TagKeys: podTagKeys}
	if grant.InstanceProfiles == nil {
		return nil
	}
	return d.PutGrant(grant, d.Snapshot().Administrator(account, ownGrant), agent.world.now())
}

// withRoles are the ARNs of an account's instance profiles that hold a role.
func withRoles(s *directory.Snapshot, account string) (arns []string) {
	for _, p := range s.InstanceProfiles(account) {
		if p.Role != "" {
			arns = append(arns, p.ARN())
		}
	}
	return arns
}

// followProfiles keeps the grant of this host to what profiles there are, as IAM's API
// makes and empties them. A grant that somebody took away stays away until the next start.
func followProfiles(ctx context.Context, core *coreHalf, agent *agentHalf, region string) error {
	d := core.Directory()
	watch := d.Watch(agent.identity.HostID())
	defer d.Unwatch(watch)
	for {
		s := d.Snapshot()
		have := s.Grant(s.HomeAccount(), ownGrant)
		if have != nil && !slices.Equal(have.InstanceProfiles, withRoles(s, s.HomeAccount())) {
			if err := putOwnGrant(core, agent, region); err != nil {
				agent.logger.Error("this host is not granted the instance profiles that there are now", "err", err)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-watch.Changed():
			watch.Take()
		}
	}
}
