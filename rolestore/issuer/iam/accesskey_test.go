package iam

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
)

// ownKeys is AWS's example of a policy by which everybody manages his own keys
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_examples_iam_credentials_console.html).
const ownKeys = `"Effect":"Allow","Action":["iam:*AccessKey*","iam:GetUser"],"Resource":"arn:aws:iam::*:user/${aws:username}"`

func TestAUserManagesHisOwnKeysAlone(t *testing.T) {
	w := newWorld(t, standard())
	admin := w.role(t, "admin")
	enlist(t, admin, "alice", "bob")
	for _, name := range []string{"alice", "bob"} {
		allowUser(t, admin, name, ownKeys)
	}
	bob := keyOf(t, admin, "bob").AccessKeyID
	alice := w.as(keyOf(t, admin, "alice"))
	me, err := alice.GetUser(t.Context(), nil)
	must(t, err)
	made, err := alice.CreateAccessKey(t.Context(), nil)
	must(t, err)
	if *me.User.UserName != "alice" || *made.AccessKey.UserName != "alice" || !made.AccessKey.CreateDate.Equal(w.clock()) || made.AccessKey.Status != "Active" {
		t.Errorf("she is %+v with %+v", me.User, made.AccessKey)
	}
	_, err = alice.CreateAccessKey(t.Context(), nil)
	refused(t, err, "LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: 2")
	list, err := alice.ListAccessKeys(t.Context(), nil)
	must(t, err)
	if k := list.AccessKeyMetadata; len(k) != 2 || *k[0].AccessKeyId >= *k[1].AccessKeyId || *k[0].UserName != "alice" || !k[0].CreateDate.Equal(w.clock()) {
		t.Errorf("keys: %+v", k)
	}
	used, err := alice.GetAccessKeyLastUsed(t.Context(), &awsiam.GetAccessKeyLastUsedInput{AccessKeyId: made.AccessKey.AccessKeyId})
	must(t, err)
	if u := used.AccessKeyLastUsed; *used.UserName != "alice" || *u.ServiceName != "N/A" || *u.Region != "N/A" || u.LastUsedDate != nil {
		t.Errorf("last used: %+v", u)
	}
	_, err = alice.UpdateAccessKey(t.Context(), &awsiam.UpdateAccessKeyInput{AccessKeyId: made.AccessKey.AccessKeyId, Status: types.StatusTypeInactive})
	must(t, err)
	_, err = alice.DeleteAccessKey(t.Context(), &awsiam.DeleteAccessKeyInput{AccessKeyId: made.AccessKey.AccessKeyId})
	must(t, err)

	for name, change := range userChanges(alice, "bob") {
		refused(t, change(t), "AccessDenied", "iam:"+name+" on resource: arn:aws:iam::"+account+":user/bob")
	}
	_, err = alice.ListAccessKeys(t.Context(), &awsiam.ListAccessKeysInput{UserName: str("bob")})
	refused(t, err, "AccessDenied", "user/bob")
	_, err = alice.GetAccessKeyLastUsed(t.Context(), &awsiam.GetAccessKeyLastUsedInput{AccessKeyId: &bob})
	refused(t, err, "AccessDenied", "user/bob")
	// Another's key under her own name is none.
	_, err = alice.UpdateAccessKey(t.Context(), &awsiam.UpdateAccessKeyInput{AccessKeyId: &bob, Status: types.StatusTypeInactive})
	refused(t, err, "NoSuchEntity", "The Access Key with id "+bob+" cannot be found.")
	_, err = alice.DeleteAccessKey(t.Context(), &awsiam.DeleteAccessKeyInput{UserName: str("alice"), AccessKeyId: &bob})
	refused(t, err, "NoSuchEntity", bob)
	if k := w.directory.Snapshot().AccessKey(bob); k == nil || !k.Active {
		t.Error("bob's key is not as it was")
	}
}

func TestAKeyIsDeadAtOnce(t *testing.T) {
	w := newWorld(t, standard())
	admin := w.role(t, "admin")
	enlist(t, admin, "alice")
	allowUser(t, admin, "alice", ownKeys)
	key := keyOf(t, admin, "alice")
	works := func() error {
		_, err := w.as(key).GetUser(t.Context(), nil)
		return err
	}
	set := func(status types.StatusType) error {
		_, err := admin.UpdateAccessKey(t.Context(), &awsiam.UpdateAccessKeyInput{UserName: str("alice"), AccessKeyId: &key.AccessKeyID, Status: status})
		return err
	}
	must(t, works())
	theirs := w.as(w.session(t, other, "admin"))
	_, err := theirs.GetAccessKeyLastUsed(t.Context(), &awsiam.GetAccessKeyLastUsedInput{AccessKeyId: &key.AccessKeyID})
	refused(t, err, "NoSuchEntity", "The Access Key with id "+key.AccessKeyID+" cannot be found.")
	must(t, set(types.StatusTypeInactive))
	refused(t, works(), "InvalidClientTokenId", "")
	list, err := admin.ListAccessKeys(t.Context(), &awsiam.ListAccessKeysInput{UserName: str("alice")})
	must(t, err)
	if list.AccessKeyMetadata[0].Status != "Inactive" {
		t.Errorf("it is listed as %s", list.AccessKeyMetadata[0].Status)
	}
	must(t, set(types.StatusTypeActive))
	must(t, works())
	refused(t, set("Broken"), "ValidationError", "Member must satisfy enum value set: [Active, Inactive]")
	_, err = admin.DeleteAccessKey(t.Context(), &awsiam.DeleteAccessKeyInput{UserName: str("alice"), AccessKeyId: &key.AccessKeyID})
	must(t, err)
	refused(t, works(), "InvalidClientTokenId", "")
	refused(t, set(types.StatusTypeActive), "NoSuchEntity", key.AccessKeyID)
	_, err = admin.CreateAccessKey(t.Context(), nil)
	refused(t, err, "ValidationError", "Must specify userName when calling with non-User credentials")
}

func TestTwoKeysAreMadeOfMany(t *testing.T) {
	w := newWorld(t, standard())
	admin := w.role(t, "admin")
	enlist(t, admin, "alice")
	var made atomic.Int32
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			if _, err := admin.CreateAccessKey(t.Context(), &awsiam.CreateAccessKeyInput{UserName: str("alice")}); err == nil {
				made.Add(1)
			} else {
				refused(t, err, "LimitExceeded", "AccessKeysPerUser")
			}
		})
	}
	wait.Wait()
	if n := len(w.directory.Snapshot().UserByName(account, "alice").AccessKeys); made.Load() != 2 || n != 2 {
		t.Errorf("%d were made, and there are %d", made.Load(), n)
	}
}

// A secret is seen once: by who made the key, in the reply.
func TestTheSecretOfAKeyIsSeenOnce(t *testing.T) {
	w := newWorld(t, standard())
	admin := w.role(t, "admin")
	enlist(t, admin, "alice")
	key := keyOf(t, admin, "alice")
	_, _ = w.as(key).GetUser(t.Context(), nil)
	_, _ = admin.ListAccessKeys(t.Context(), &awsiam.ListAccessKeysInput{UserName: str("alice")})
	if made, err := w.directory.RevealSecrets(); err != nil || len(made) != 0 {
		t.Errorf("it is shown again: %v, %v", made, err)
	}
	secret := key.SecretAccessKey.Reveal()
	w.mu.Lock()
	defer w.mu.Unlock()
	if log := w.log.String(); !strings.Contains(log, `"action":"CreateAccessKey"`) || !strings.Contains(log, `"user":"alice"`) || strings.Contains(log, secret) || strings.Contains(log, secret[:20]) {
		t.Errorf("the log: %s", log)
	}
}
