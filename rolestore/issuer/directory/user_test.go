package directory

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/rolestore"
	"github.com/rolecall/rolecall/rolestore/issuer/policy"
)

const (
	allowRead  = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:Get*","Resource":"*"}}`
	trustAlice = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:user/alice"},"Action":"sts:AssumeRole"}}`

	aliceARN = "arn:aws:iam::123456789012:user/alice"
	readARN  = "arn:aws:iam::123456789012:policy/read"
	keyID    = "AKIAQ3EGRZ2ABCDEFGH2"
	secret   = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
)

// people defines a user with all that a user can have, and a role that trusts him.
func people() Definitions {
	d := define("/", trustAlice)
	a := &d.Accounts[0]
	a.Policies = []PolicyDefinition{{Name: "read", Document: []byte(allowRead)}, {Name: "limit", Path: "/p/", Document: []byte(allowAll)}}
	a.Groups = []GroupDefinition{{Name: "readers", ManagedPolicies: []string{readARN}, Policies: map[string][]byte{"g": []byte(allowRead)}}}
	a.Users = []UserDefinition{{
		Name: "alice", Groups: []string{"readers"}, Policies: map[string][]byte{"b": []byte(allowAll), "a": []byte(allowAll)},
		ManagedPolicies: []string{"arn:aws:iam::aws:policy/AdministratorAccess"}, PermissionsBoundary: "arn:aws:iam::123456789012:policy/p/limit",
		Tags:       map[string]string{"team": "red"},
		AccessKeys: []AccessKeyDefinition{{ID: keyID, Secret: rolestore.NewSecret(secret)}, {}},
	}}
	a.VirtualMFADevices = []MFADeviceDefinition{{Name: "alice", User: "alice", Seed: rolestore.NewSecret("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")}}
	return d
}

func names(s policy.Set) (all []string) {
	for _, p := range s {
		all = append(all, p.Name)
	}
	return all
}

func TestAUserHasAllThatIsAttached(t *testing.T) {
	p := newPlace(t)
	d := p.open(t)
	reconcile(t, d, people(), false)
	if again := reconcile(t, d, people(), false); len(again) != 0 {
		t.Errorf("the same again: %q", again)
	}
	_ = d.Close()
	s := p.open(t).Snapshot() // from the disk
	u := s.User(aliceARN)
	if want := []string{"a", "b", "arn:aws:iam::aws:policy/AdministratorAccess", "g", readARN}; !slices.Equal(names(u.Policies), want) {
		t.Errorf("policies are %q, want %q", names(u.Policies), want)
	}
	if u.Boundary == nil || !slices.Equal(names(*u.Boundary), []string{"arn:aws:iam::123456789012:policy/p/limit"}) || u.Tags["team"] != "red" {
		t.Errorf("boundary %v, tags %v", u.Boundary, u.Tags)
	}
	if s.UserByID(u.UniqueID) != u || !strings.HasPrefix(u.UniqueID, "AIDA") || len(u.UniqueID) != 21 {
		t.Errorf("unique id %s", u.UniqueID)
	}
	if k := s.AccessKey(keyID); k == nil || k.User != u || k.Secret.Reveal() != secret || !k.Active {
		t.Errorf("access key %+v", k)
	}
	if m := s.ManagedPolicy(readARN); m.DefaultVersion != "v1" || !strings.HasPrefix(m.UniqueID, "ANPA") {
		t.Errorf("managed policy %+v", m)
	}
}

func TestAccessKeys(t *testing.T) {
	p := newPlace(t)
	d := p.open(t)
	reconcile(t, d, people(), false)
	unseen, err := d.RevealSecrets()
	if err != nil || len(unseen) != 1 || unseen[0].Owner != aliceARN || !accessKeyID.MatchString(unseen[0].ID) || !accessSecret.MatchString(unseen[0].Secret.Reveal()) {
		t.Fatalf("secrets that the core made: %+v, %v", unseen, err)
	}
	if again, err := d.RevealSecrets(); err != nil || len(again) != 0 {
		t.Errorf("they are shown a second time: %+v, %v", again, err)
	}
	made := unseen[0].ID
	if k := d.Snapshot().AccessKey(made); k == nil || k.Secret.Reveal() != unseen[0].Secret.Reveal() {
		t.Errorf("the key that was made is %+v", k)
	}

	want := people()
	keys := want.Accounts[0].Users[0].AccessKeys
	keys[0].Secret, keys[1].Status = rolestore.Secret{}, "Inactive" // the secret may leave the file
	if done := reconcile(t, d, want, false); !slices.Equal(done, []string{"access key " + made + " of user 123456789012/alice is now Inactive"}) {
		t.Errorf("done: %q", done)
	}
	if s := d.Snapshot(); s.AccessKey(keyID).Secret.Reveal() != secret || s.AccessKey(made).Active {
		t.Error("a secret that is not in the file any more is lost, or the status is as it was")
	}
	want.Accounts[0].Users[0].AccessKeys = keys[1:]
	if done := reconcile(t, d, want, false); !slices.Equal(done, []string{"access key " + keyID + " of user 123456789012/alice deleted"}) || d.Snapshot().AccessKey(keyID) != nil {
		t.Errorf("done: %q", done)
	}
	want.Accounts[0].Users[0].Path, want.Accounts[0].Roles = "/new/", nil
	want.Accounts[0].InstanceProfiles = nil
	reconcile(t, d, want, false)
	if d.Snapshot().AccessKey(made) != nil {
		t.Error("another user of the name has the key of the one before")
	}
	_ = d.Close()
	if text, err := os.ReadFile(p.path); err != nil || bytes.Contains(text, []byte(secret)) || bytes.Contains(text, []byte(unseen[0].Secret.Reveal())) {
		t.Error("core.db shows a secret")
	}
}

func TestAnotherDocumentIsAnotherVersion(t *testing.T) {
	d := newPlace(t).open(t)
	want := people()
	reconcile(t, d, want, false)
	id := d.Snapshot().ManagedPolicy(readARN).UniqueID
	for i := range 6 {
		want.Accounts[0].Policies[0].Document = []byte(strings.Replace(allowRead, "s3:Get*", "s3:Get"+string(rune('A'+i)), 1))
		if done := reconcile(t, d, want, false); !slices.Equal(done, []string{"managed policy 123456789012/read updated: policy_document"}) {
			t.Errorf("done: %q", done)
		}
	}
	m := d.Snapshot().ManagedPolicy(readARN)
	if m.DefaultVersion != "v7" || m.UniqueID != id {
		t.Errorf("the policy is %+v", m)
	}
	u := d.Snapshot().User(aliceARN)
	if got := u.Policies[len(u.Policies)-1].Document; got != m.Document {
		t.Error("whom it is attached to has not the default version")
	}
	var r policyRecord
	if err := d.Snapshot().record(bucketPolicy, key(account, "read")).decode(&r); err != nil || len(r.Versions) != maxVersions {
		t.Errorf("%d versions are kept (%v)", len(r.Versions), err)
	}
}

// who returns what a trust policy says of a caller.
func who(role *Role, u *User) policy.Decision {
	return policy.Evaluate(policy.Request{Action: "sts:AssumeRole", Resource: role.ARN(),
		Principal: policy.Principal{Account: u.Account, ARN: u.ARN(), UniqueID: u.UniqueID}},
		policy.Policies{Resource: &policy.Policy{Document: role.Trust}})
}

func TestATrustPolicyNamesWhoHadTheNameThen(t *testing.T) {
	d := newPlace(t).open(t)
	reconcile(t, d, people(), false)
	s := d.Snapshot()
	if got := who(s.RoleByName(account, "web"), s.User(aliceARN)); !got.Allowed() {
		t.Fatalf("alice: %s", got.Effect)
	}
	// The role leaves the file and is kept. Then alice moves away, and another comes.
	without := people()
	without.Accounts[0].Roles, without.Accounts[0].InstanceProfiles = nil, nil
	reconcile(t, d, without, false)
	for _, path := range []string{"/away/", "/"} {
		without.Accounts[0].Users[0].Path = path
		reconcile(t, d, without, false)
	}
	s = d.Snapshot()
	if got := who(s.RoleByName(account, "web"), s.User(aliceARN)); got.Allowed() {
		t.Error("another alice has what the first was granted")
	}
	// A file that names her, names her.
	if done := reconcile(t, d, people(), false); !slices.Contains(done, "role 123456789012/web updated: its trust policy names somebody who was made anew") {
		t.Errorf("done: %q", done)
	}
	s = d.Snapshot()
	if got := who(s.RoleByName(account, "web"), s.User(aliceARN)); !got.Allowed() {
		t.Error("alice, named anew, is refused")
	}
}

func TestAPolicyThatIsGoneLeavesNothingAllowed(t *testing.T) {
	p := newPlace(t)
	d := p.open(t)
	reconcile(t, d, people(), false)
	if err := d.change(func(tx *Tx) error { return tx.Delete(bucketPolicy, key(account, "read")) }); err != nil {
		t.Fatal(err)
	}
	u := d.Snapshot().User(aliceARN) // through her group
	got := policy.Evaluate(policy.Request{Action: "s3:GetObject", Resource: "*", Principal: policy.Principal{Account: account, ARN: aliceARN}}, policy.Policies{Identity: u.Policies})
	if got.Effect != policy.ExplicitDeny {
		t.Errorf("what the policy may have denied is %s", got.Effect)
	}
}

func TestMFACodesAreUsedOnce(t *testing.T) {
	p := newPlace(t)
	d := p.open(t)
	reconcile(t, d, people(), false)
	device := d.Snapshot().MFADevice("arn:aws:iam::123456789012:mfa/alice")
	if device == nil || device.User != d.Snapshot().User(aliceARN).UniqueID {
		t.Fatalf("the device is %+v", device)
	}
	now := time.Unix(59, 0)
	step, ok := device.Step("287082", now) // RFC 6238 appendix B, of whose eight digits these are the last six
	if !ok || step != 1 {
		t.Fatalf("Step = %d, %t", step, ok)
	}
	use := func(d *Directory, step int64) bool {
		t.Helper()
		ok, err := d.UseCode(device, step)
		if err != nil {
			t.Fatal(err)
		}
		return ok
	}
	if !use(d, 1) || use(d, 1) {
		t.Error("a code is not good for one use")
	}
	_ = d.Close()
	d = p.open(t)
	if use(d, 1) || use(d, 0) || !use(d, 2) {
		t.Error("a restart forgets which codes were used")
	}
}

func TestTOTP(t *testing.T) {
	seed := []byte("12345678901234567890")
	for at, want := range map[int64]string{59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037", 20000000000: "353130"} {
		if got := totp(seed, at/totpStep); got != want {
			t.Errorf("at %d the code is %s, want %s", at, got, want)
		}
		for _, drift := range []int64{-60, -30, 0, 30, 60} {
			if _, ok := matchTOTP(seed, want, time.Unix(at/totpStep*totpStep+drift, 0)); ok != (drift >= -30 && drift <= 30) {
				t.Errorf("a clock %d s off: %t", drift, ok)
			}
		}
	}
	if _, ok := matchTOTP(seed, "", time.Unix(59, 0)); ok {
		t.Error("no code is taken for one")
	}
}

func TestUsersThatIAMWouldRefuse(t *testing.T) {
	for name, test := range map[string]struct {
		edit func(*AccountDefinition)
		say  string
	}{
		"an unknown group":           {func(a *AccountDefinition) { a.Users[0].Groups = []string{"x"} }, `group "x" is not defined`},
		"an unknown policy":          {func(a *AccountDefinition) { a.Users[0].ManagedPolicies = []string{readARN + "x"} }, "is not defined in this account"},
		"an unknown boundary":        {func(a *AccountDefinition) { a.Roles[0].PermissionsBoundary = "arn:aws:iam::aws:policy/x" }, "none of AWS's"},
		"three access keys":          {func(a *AccountDefinition) { a.Users[0].AccessKeys = make([]AccessKeyDefinition, 3) }, "at most 2"},
		"a temporary key's id":       {func(a *AccountDefinition) { a.Users[0].AccessKeys[0].ID = "ASIAQ3EGRZ2ABCDEFGH2" }, "AKIA and 16"},
		"a secret without its id":    {func(a *AccountDefinition) { a.Users[0].AccessKeys[0].ID = "" }, "it needs the access_key_id"},
		"a short secret":             {func(a *AccountDefinition) { a.Users[0].AccessKeys[0].Secret = rolestore.NewSecret("short") }, "want 40 characters"},
		"a status":                   {func(a *AccountDefinition) { a.Users[0].AccessKeys[0].Status = "active" }, "want Active or Inactive"},
		"an access key twice":        {func(a *AccountDefinition) { a.Users[0].AccessKeys[1].ID = keyID }, "defined twice"},
		"a user twice":               {func(a *AccountDefinition) { a.Users = append(a.Users, a.Users[0]) }, "defined twice"},
		"tags that differ in case":   {func(a *AccountDefinition) { a.Users[0].Tags["Team"] = "blue" }, "differs from it in case alone"},
		"a tag with a star":          {func(a *AccountDefinition) { a.Users[0].Tags = map[string]string{"a*": ""} }, "want a key"},
		"a device of nobody":         {func(a *AccountDefinition) { a.VirtualMFADevices[0].User = "bob" }, `user "bob" is not defined`},
		"a seed of no sense":         {func(a *AccountDefinition) { a.VirtualMFADevices[0].Seed = rolestore.NewSecret("18") }, "want Base32"},
		"a short seed":               {func(a *AccountDefinition) { a.VirtualMFADevices[0].Seed = rolestore.NewSecret("GEZDGNBV") }, "of at least 16 bytes"},
		"a trust in nobody":          {func(a *AccountDefinition) { a.Users[0].Name, a.VirtualMFADevices = "bob", nil }, "must be defined here"},
		"a large managed policy":     {func(a *AccountDefinition) { a.Policies[0].Document = large(policy.MaxManagedSize) }, "PolicySize: 6144"},
		"a large inline policy":      {func(a *AccountDefinition) { a.Users[0].Policies["a"] = large(policy.MaxUserInlineSize) }, "Maximum policy size of 2048 bytes exceeded for user alice"},
		"a large policy of a group":  {func(a *AccountDefinition) { a.Groups[0].Policies["g"] = large(policy.MaxGroupInlineSize) }, "5120 bytes exceeded for group readers"},
		"a managed policy of trust":  {func(a *AccountDefinition) { a.Policies[0].Document = []byte(trustEC2) }, "policy read: policy_document"},
		"a managed policy's name":    {func(a *AccountDefinition) { a.Policies[0].Name = "a b" }, "1 to 128"},
		"a group's policy unnamed":   {func(a *AccountDefinition) { a.Groups[0].Policies = map[string][]byte{"": []byte(allowAll)} }, "1 to 128"},
		"more groups than a user is": {func(a *AccountDefinition) { a.Users[0].Groups = make([]string, 11) }, "at most 10"},
	} {
		d := newPlace(t).open(t)
		want := people()
		test.edit(&want.Accounts[0])
		if _, err := d.Reconcile(want, false); err == nil || !strings.Contains(err.Error(), test.say) || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v, want %q", name, err, test.say)
		}
	}
}

// large is a policy of more than n characters.
func large(n int) []byte {
	return []byte(strings.Replace(allowAll, `"Resource":"*"`, `"Resource":"arn:aws:s3:::`+strings.Repeat("x", n)+`"`, 1))
}

func TestAnAccessKeyIsOneUsers(t *testing.T) {
	d := newPlace(t).open(t)
	reconcile(t, d, people(), false)
	want := people()
	want.Accounts[0].Users[0].Name, want.Accounts[0].VirtualMFADevices[0].User = "bob", "bob"
	want.Accounts[0].Roles[0].AssumeRolePolicyDocument = []byte(trustEC2)
	before := d.Snapshot()
	if _, err := d.Reconcile(want, false); err == nil || !strings.Contains(err.Error(), "access key "+keyID+" is that of user") || d.Snapshot() != before {
		t.Errorf("two users with one key: %v", err)
	}
	reconcile(t, d, want, true) // alice goes
	if d.Snapshot().AccessKey(keyID).User.Name != "bob" || d.Snapshot().User(aliceARN) != nil {
		t.Error("the key is not bob's, or alice is there")
	}
}
