package directory

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"
)

// GrantDefinition is a grant as core.yaml has it. It names its host's key too: a host
// chooses its id when it joins, so that by the id alone whoever joins next under one
// that the file names would have what was meant for another. Joining grants nothing.
type GrantDefinition struct {
	Name string
	// Host is the id of the host, and HostKey its [Host.Fingerprint]. It may join later.
	Host, HostKey string
	// InstanceProfiles are names of profiles of the same account.
	InstanceProfiles []string
	InstanceIDs      []string
	Region           string
	Tags             map[string]string
	TagKeys          []string
}

// granterSession names who makes the grants of core.yaml: the core's administrator. Who
// may write the file may write any policy, and so is the core's root, as is who may open
// its admin socket. iam:PassRole is asked of him all the same.
const granterSession = "core.yaml"

// ownNames begin the names of what the core and `up` keep themselves.
const ownNames = "rolecall-"

var errOwnName = errors.New("names that begin with " + ownNames + " are the core's own, and `rolecall up` makes its grant anew at each start: choose another")

var keyFingerprint = regexp.MustCompile(`^[0-9a-f]{64}$`)

func (a AccountDefinition) validateGrants(profiles map[string]bool) error {
	seen := map[string]bool{}
	for _, g := range a.Grants {
		if err := named("grant", g.Name, "", iamName, seen); err != nil {
			return err
		}
		if err := g.validate(a.ID, profiles); err != nil {
			return in("grant", g.Name, err)
		}
	}
	return nil
}

func (g GrantDefinition) validate(account string, profiles map[string]bool) error {
	switch {
	case strings.HasPrefix(g.Name, ownNames):
		return errOwnName
	case !hostID.MatchString(g.Host):
		return fmt.Errorf("host %q: want h- and 17 hexadecimal digits", g.Host)
	case !keyFingerprint.MatchString(g.HostKey):
		return fmt.Errorf("host_key_sha256 %q: want the 64 hexadecimal digits that `rolecall join` says there, and `rolecall core host show %s` here", g.HostKey, g.Host)
	}
	grant := g.grant(account)
	if err := grant.check(); err != nil {
		return err
	}
	for _, name := range g.InstanceProfiles {
		if !profiles[name] {
			return fmt.Errorf("instance profile %q is not defined in this account", name)
		}
	}
	return nil
}

// grant is what the definition makes, but for the ARNs of its profiles.
func (g GrantDefinition) grant(account string) Grant {
	grant := Grant{Name: g.Name, Account: account, Host: g.Host, HostKey: g.HostKey, ManagedBy: ManagedByFile,
		InstanceProfiles: slices.Clone(g.InstanceProfiles), InstanceIDs: g.InstanceIDs, Region: g.Region}
	if len(g.Tags) > 0 {
		grant.Tags = g.Tags
	}
	if len(g.TagKeys) > 0 {
		grant.TagKeys = g.TagKeys
	}
	return grant
}

// grants reconciles the grants, once the profiles that they name are there.
func (r *reconciliation) grants(want Definitions) error {
	now := r.tx.Snapshot()
	for _, a := range want.Accounts {
		for _, g := range a.Grants {
			if err := r.grant(now, g.grant(a.ID), want.At); err != nil {
				return in("account", a.ID, in("grant", g.Name, err))
			}
		}
	}
	return r.unnamedGrants()
}

func (r *reconciliation) grant(now *Snapshot, want Grant, at time.Time) error {
	for n, name := range want.InstanceProfiles {
		want.InstanceProfiles[n] = now.InstanceProfileByName(want.Account, name).ARN()
	}
	by := now.Administrator(want.Account, granterSession)
	if err := by.mayGrant(now, &want); err != nil {
		return err
	}
	k := key(want.Account, want.Name)
	r.named[bucketGrant+"/"+k] = true
	have := now.Grant(want.Account, want.Name)
	want.replaces(have, at)
	switch {
	case have == nil:
		r.note(nouns[bucketGrant], k, "created: "+want.says())
	case reflect.DeepEqual(*have, want):
		return nil
	default:
		r.note(nouns[bucketGrant], k, updated(want.changes(have))+"; "+want.says())
	}
	if !want.isFor(noun[registered](now.record(bucketHost, want.Host))) {
		r.note(nouns[bucketGrant], k, "waits until host "+want.Host+" has joined account "+want.Account+" with its key")
	}
	return r.tx.PutJSON(bucketGrant, k, want)
}

// says is the grant in words, for a log.
func (g *Grant) says() string {
	return fmt.Sprintf("host %s may have %s for %s", g.Host, strings.Join(g.InstanceProfiles, ", "), strings.Join(g.InstanceIDs, ", "))
}

// unnamedGrants deletes, or gives free, what the file defined and does no longer, and
// deletes what an account that is deleted had.
func (r *reconciliation) unnamedGrants() error {
	return EachJSON(r.tx, bucketGrant, func(k string, g Grant) error {
		extra := g.ManagedBy == ManagedByFile && !r.named[bucketGrant+"/"+k]
		if err := r.drop(bucketGrant, k, extra || r.prune && r.gone[g.Account]); err != nil || !extra || r.prune || g.Unnamed {
			return err
		}
		g.Unnamed = true
		return r.tx.PutJSON(bucketGrant, k, g)
	})
}
