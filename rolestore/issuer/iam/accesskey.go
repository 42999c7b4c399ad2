package iam

import (
	"regexp"

	"github.com/rolecall/rolecall/rolestore/issuer/directory"
	"github.com/rolecall/rolecall/rolestore/issuer/query"
)

var theAccessKey = noun{name: "access key", gone: "The Access Key with id %s cannot be found."}

var (
	accessKeyID = parameter{name: "AccessKeyId", required: true, min: 16, max: 128, pattern: regexp.MustCompile(`^[A-Za-z0-9_]+$`), shown: `[\w]+`}
	keyStatus   = parameter{name: "Status", required: true, max: 8, values: []string{directory.StatusActive, directory.StatusInactive}}
)

// accessKeyOperations are those of users' long-term keys; without a UserName they are of
// the caller's own (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_access-keys.html).
var accessKeyOperations = table{
	"CreateAccessKey":      {takes: []parameter{ownUser}, on: onUser, do: createAccessKey},
	"ListAccessKeys":       {takes: []parameter{ownUser, marker, maxItems}, on: onUser, do: listAccessKeys},
	"UpdateAccessKey":      {takes: []parameter{ownUser, accessKeyID, keyStatus}, on: onUser, do: updateAccessKey},
	"DeleteAccessKey":      {takes: []parameter{ownUser, accessKeyID}, on: onUser, do: deleteAccessKey},
	"GetAccessKeyLastUsed": {takes: []parameter{accessKeyID}, on: onKeysUser, do: getAccessKeyLastUsed},
}

// keyNamed is the key that is named, of a user of the caller's account; nil if there is
// none.
func (c *call) keyNamed() *directory.AccessKey {
	if k := c.Directory.AccessKey(c.text(accessKeyID)); k != nil && k.User.Account == c.Caller.Account {
		return k
	}
	return nil
}

// onKeysUser is whose key it is. A key that there is not has nobody's ARN.
func onKeysUser(c *call) target {
	if k := c.keyNamed(); k != nil {
		return target{k.User.ARN(), k.User.Tags}
	}
	return target{arn: c.userARN("/", "")}
}

func createAccessKey(c *call) ([]query.Element, error) {
	u, err := c.user()
	if err != nil {
		return nil, err
	}
	made, err := c.directory.CreateAccessKey(u, c.Now)
	if err != nil {
		return nil, theUser.refusal(u.Name, err)
	}
	return []query.Element{structure("AccessKey", said("UserName", u.Name), said("AccessKeyId", made.ID), said("Status", made.Status),
		said("SecretAccessKey", made.Secret.Reveal()), instant("CreateDate", c.Now))}, nil
}

func listAccessKeys(c *call) ([]query.Element, error) {
	u, err := c.user()
	if err != nil {
		return nil, err
	}
	return page(c, "AccessKeyMetadata", byKey(u.AccessKeys, keyID), keyID, func(k *directory.AccessKey) query.Element {
		status := directory.StatusInactive
		if k.Active {
			status = directory.StatusActive
		}
		return structure("", said("UserName", u.Name), said("AccessKeyId", k.ID), said("Status", status), instant("CreateDate", k.Created))
	})
}

func keyID(k *directory.AccessKey) string { return k.ID }

func updateAccessKey(c *call) ([]query.Element, error) {
	u, err := c.user()
	if err != nil {
		return nil, err
	}
	active := c.text(keyStatus) == directory.StatusActive
	return nil, theAccessKey.refusal(c.text(accessKeyID), c.directory.SetAccessKey(u, c.text(accessKeyID), active))
}

func deleteAccessKey(c *call) ([]query.Element, error) {
	u, err := c.user()
	if err != nil {
		return nil, err
	}
	return nil, theAccessKey.refusal(c.text(accessKeyID), c.directory.DeleteAccessKey(u, c.text(accessKeyID)))
}

// getAccessKeyLastUsed says what AWS says of a key that was never used: the core writes
// nothing down when somebody signs.
func getAccessKeyLastUsed(c *call) ([]query.Element, error) {
	k := c.keyNamed()
	if k == nil {
		return nil, theAccessKey.missing(c.text(accessKeyID))
	}
	return []query.Element{said("UserName", k.User.Name),
		structure("AccessKeyLastUsed", said("ServiceName", "N/A"), said("Region", "N/A"))}, nil
}
