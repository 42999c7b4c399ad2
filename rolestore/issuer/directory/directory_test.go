package directory

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rolecall/rolecall/rolestore"
	"github.com/rolecall/rolecall/rolestore/dbfile"
	"github.com/rolecall/rolecall/rolestore/issuer/policy"
	"github.com/rolecall/rolecall/rolestore/issuer/session"
	"github.com/rolecall/rolecall/rolestore/seal"
)

const account = "123456789012"

// place is where a test's core.db and its key lie.
type place struct{ path, keys string }

func newPlace(t *testing.T) place {
	dir := t.TempDir()
	return place{filepath.Join(dir, "core.db"), filepath.Join(dir, "keys")}
}

func (p place) open(t *testing.T) *Directory {
	t.Helper()
	keyring, err := seal.Load(p.keys)
	if errors.Is(err, os.ErrNotExist) {
		keyring, err = seal.Create(p.keys)
	}
	if err != nil {
		t.Fatal(err)
	}
	d, err := Open(Config{Path: p.path, Keyring: keyring})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

func reconcile(t *testing.T, d *Directory, want Definitions, prune bool) []string {
	t.Helper()
	done, err := d.Reconcile(want, prune)
	if err != nil {
		t.Fatal(err)
	}
	return done
}

func newHost(t *testing.T) Host {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return Host{ID: "h-0123456789abcdef0", Account: account, Key: &key.PublicKey, Joined: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)}
}

func TestEverythingSurvivesARestart(t *testing.T) {
	p := newPlace(t)
	d := p.open(t)
	reconcile(t, d, Default(account), false)
	host := newHost(t)
	if err := d.PutHost(host); err != nil {
		t.Fatal(err)
	}
	before := d.Snapshot()
	credentials, err := before.Sealer().Issue(session.Claims{Principal: "AROA", Account: account, SessionName: "s", Expires: time.Unix(2e9, 0)})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}

	after := p.open(t).Snapshot()
	if after.CoreID() != before.CoreID() || !strings.HasPrefix(after.CoreID(), "core-") {
		t.Errorf("the core was %q and is %q", before.CoreID(), after.CoreID())
	}
	if _, _, err := after.Sealer().Open(credentials.AccessKeyID, credentials.SessionToken.Reveal(), time.Unix(1e9, 0)); err != nil {
		t.Errorf("a session of before the restart: %v", err)
	}
	a, b := before.RoleByName(account, DefaultName), after.RoleByName(account, DefaultName)
	if a.UniqueID != b.UniqueID || len(b.UniqueID) != 21 || after.RoleByID(b.UniqueID) != b || after.Role(b.ARN()) != b {
		t.Errorf("the role was %s and is %s", a.UniqueID, b.UniqueID)
	}
	profile := after.InstanceProfileByName(account, DefaultName)
	if profile.UniqueID != before.InstanceProfileByName(account, DefaultName).UniqueID || after.InstanceProfile(profile.ARN()) != profile {
		t.Errorf("the profile is %+v", profile)
	}
	if got := after.Host(host.ID); got == nil || !got.Key.Equal(host.Key) || !got.Joined.Equal(host.Joined) || got.Account != account {
		t.Errorf("the host is %+v", got)
	}
}

func TestAHostBelongsToAnAccountOfTheCore(t *testing.T) {
	d := newPlace(t).open(t)
	if err := d.PutHost(newHost(t)); err == nil || !strings.Contains(err.Error(), "no account") {
		t.Errorf("PutHost: %v", err)
	}
}

func TestSnapshotsDoNotChange(t *testing.T) {
	d := newPlace(t).open(t)
	reconcile(t, d, Default(account), false)
	before := d.Snapshot()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 20 {
				_ = d.Snapshot().Host("h-0123456789abcdef0")
			}
		})
	}
	if err := d.PutHost(newHost(t)); err != nil {
		t.Error(err)
	}
	wg.Wait()
	if before.Host("h-0123456789abcdef0") != nil || d.Snapshot().Host("h-0123456789abcdef0") == nil {
		t.Error("the change shows in the snapshot of before, or not in that of after")
	}
}

func TestTheFileShowsNothing(t *testing.T) {
	p := newPlace(t)
	d := p.open(t)
	reconcile(t, d, Default(account), false)
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(p.path)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"issuing_keys", "core_id", "ec2.amazonaws.com", "AROA"} {
		if bytes.Contains(text, []byte(secret)) {
			t.Errorf("core.db shows %q", secret)
		}
	}
}

func TestADamagedFileStops(t *testing.T) {
	p := newPlace(t)
	d := p.open(t)
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	garbage := bytes.Repeat([]byte("garbage"), 10_000)
	if err := os.WriteFile(p.path, garbage, 0o600); err != nil {
		t.Fatal(err)
	}
	keyring, err := seal.Load(p.keys)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Open(Config{Path: p.path, Keyring: keyring})
	var damaged *dbfile.DamagedError
	if !errors.As(err, &damaged) || !strings.Contains(err.Error(), "restore it from a backup") {
		t.Errorf("Open: %v", err)
	}
	if text, err := os.ReadFile(p.path); err != nil || !bytes.Equal(text, garbage) {
		t.Error("the damaged file was changed")
	}
}

func TestAnotherKeyIsNoDamage(t *testing.T) {
	p := newPlace(t)
	_ = p.open(t).Close()
	other, err := seal.Create(filepath.Join(t.TempDir(), "keys"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = Open(Config{Path: p.path, Keyring: other})
	var missing *seal.KeyMissingError
	if !errors.As(err, &missing) || strings.Contains(err.Error(), "damaged") {
		t.Errorf("Open: %v", err)
	}
}

func TestAccountIDs(t *testing.T) {
	for range 1000 {
		if id := NewAccountID(); !accountID.MatchString(id) || id[0] == '0' {
			t.Fatalf("NewAccountID = %s", id)
		}
	}
}

// TestAPolicyOfAnotherVersionDenies stores a role as a newer core might have, with
// an element that this one does not know.
func TestAPolicyOfAnotherVersionDenies(t *testing.T) {
	for name, edit := range map[string]func(*RoleDefinition){
		"in the trust policy": func(r *RoleDefinition) {
			r.AssumeRolePolicyDocument = []byte(strings.Replace(trustEC2, `"Effect"`, `"Unless":"x","Effect"`, 1))
		},
		"in its own policies": func(r *RoleDefinition) {
			r.Policies = map[string][]byte{"p": []byte(strings.Replace(allowAll, `"Effect"`, `"Unless":"x","Effect"`, 1))}
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			d := p.open(t)
			reconcile(t, d, define("/", trustEC2), false)
			if err := d.change(func(tx *Tx) error {
				var r roleRecord
				if err := tx.GetJSON(bucketRole, key(account, "web"), &r); err != nil {
					return err
				}
				edit(&r.Definition)
				r.Trust = r.Definition.AssumeRolePolicyDocument
				return tx.PutJSON(bucketRole, key(account, "web"), r)
			}); err != nil {
				t.Fatal(err)
			}
			if err := d.Close(); err != nil {
				t.Fatal(err)
			}
			role := p.open(t).Snapshot().RoleByName(account, "web")
			got := policy.Evaluate(policy.Request{Action: "sts:AssumeRole", Principal: policy.Principal{Service: "ec2.amazonaws.com"}},
				policy.Policies{Resource: &policy.Policy{Document: role.Trust}})
			if got.Effect != policy.ExplicitDeny {
				t.Errorf("the trust policy says %s", got.Effect)
			}
			for _, own := range role.Policies {
				got := policy.Evaluate(policy.Request{Action: "sts:AssumeRole", Resource: "*"}, policy.Policies{Identity: policy.Set{own}})
				if got.Effect != policy.ExplicitDeny {
					t.Errorf("its own policy says %s", got.Effect)
				}
			}
			if len(role.Policies) == 0 {
				t.Error("nothing denies what the role may do")
			}
		})
	}
}

func TestIssuingKeysAreReplaced(t *testing.T) {
	p := newPlace(t)
	d := p.open(t)
	now := time.Unix(2e9, 0).UTC()
	rotate := func(at time.Time) {
		t.Helper()
		if err := d.RotateKeys(at); err != nil {
			t.Fatal(err)
		}
	}
	rotate(now)
	before := d.Snapshot()
	rotate(now.Add(time.Hour))
	if d.Snapshot() != before {
		t.Error("nothing was due, and something changed")
	}
	c := session.Claims{Principal: "AROA", Account: account, SessionName: "s", Issued: now, Expires: now.Add(session.KeyPeriod + session.KeyKept)}
	old, err := before.Sealer().Issue(c)
	if err != nil {
		t.Fatal(err)
	}
	rotate(now.Add(session.KeyPeriod - session.KeyLead))
	published := d.Snapshot()
	c.Issued = now.Add(session.KeyPeriod)
	issued, err := published.Sealer().Issue(c)
	if err != nil {
		t.Fatal(err)
	}
	_ = d.Close()
	d = p.open(t)
	for name, test := range map[string]struct {
		sealer *session.Sealer
		c      rolestore.Credentials
		opens  bool
	}{
		"the old key's session, after a restart":        {d.Snapshot().Sealer(), old, true},
		"the new key's session, after a restart":        {d.Snapshot().Sealer(), issued, true},
		"the new key's session, where it was published": {published.Sealer(), issued, true},
		"the new key's session, where it was not":       {before.Sealer(), issued, false},
	} {
		if _, _, err := test.sealer.Open(test.c.AccessKeyID, test.c.SessionToken.Reveal(), now); (err == nil) != test.opens {
			t.Errorf("%s: %v", name, err)
		}
	}
	rotate(now.Add(session.KeyPeriod + session.KeyKept))
	if _, _, err := d.Snapshot().Sealer().Open(old.AccessKeyID, old.SessionToken.Reveal(), now); err == nil {
		t.Error("the old key opens after its time")
	}
}
