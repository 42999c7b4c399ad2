package hold

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/rolestore/dbfile"
	"github.com/rolecall/rolecall/rolestore/seal"
)

func openAgent(t testing.TB, path string, k *seal.Keyring, f Fingerprint, log *strings.Builder) *Agent {
	t.Helper()
	a, err := OpenAgent(AgentConfig{Path: path, Keyring: k, Fingerprint: f, Logger: slog.New(slog.NewTextHandler(log, nil))})
	must(t, err)
	return a
}

func TestAgentKeepsItsIdentityOverARestart(t *testing.T) {
	path, k := filepath.Join(t.TempDir(), "agent.db"), newKeyring(t)
	a := openAgent(t, path, k, Fingerprint{}, new(strings.Builder))
	if _, ok := a.Enrolment(); ok || !a.Fresh() || len(a.Registrations()) != 0 || len(a.TokenKeys()) != 1 {
		t.Error("the first start is not a blank one")
	}
	if !regexp.MustCompile(`^h-[0-9a-f]{17}$`).MatchString(a.HostID()) {
		t.Errorf("host id %q", a.HostID())
	}
	enrolment := Enrolment{CoreID: "c-1", Issuer: "https://core.example:8473"}
	must(t, a.PutEnrolment(enrolment))
	must(t, a.RotateTokenKey())
	var put []Registration
	for _, n := range []int{2, 1, 3} {
		r, err := a.Put(Registration{Instance: testInstance(n)})
		must(t, err)
		put = append(put, r)
	}
	must(t, a.RemoveInstance(testInstance(3).ID))
	must(t, a.RemoveInstance("i-of-nobody"))
	want := []Registration{put[1], put[0]}
	must(t, a.Close())

	b := openAgent(t, path, k, Fingerprint{}, new(strings.Builder))
	defer func() { must(t, b.Close()) }()
	if b.Fresh() || b.HostID() != a.HostID() || !b.HostKey().Equal(a.HostKey()) {
		t.Error("the host is another one after a restart")
	}
	if got, ok := b.Enrolment(); !ok || got != enrolment {
		t.Errorf("enrolment %+v, %t", got, ok)
	}
	if !slices.EqualFunc(a.Registrations(), want, Registration.equal) || !slices.EqualFunc(b.Registrations(), want, Registration.equal) {
		t.Errorf("registrations are %+v before and %+v after, want %+v", a.Registrations(), b.Registrations(), want)
	}
	if len(b.TokenKeys()) != 2 {
		t.Errorf("%d token keys after a restart, want 2", len(b.TokenKeys()))
	}
	for n, key := range b.TokenKeys() {
		if before := a.TokenKeys()[n]; key.ID != before.ID || key.Key.Reveal() != before.Key.Reveal() {
			t.Errorf("token key %d differs after a restart", n)
		}
	}
}

func TestRotateTokenKeyKeepsTheLastTwo(t *testing.T) {
	a := openAgent(t, filepath.Join(t.TempDir(), "agent.db"), newKeyring(t), Fingerprint{}, new(strings.Builder))
	defer func() { must(t, a.Close()) }()
	seen := map[string]bool{}
	for range 300 { // past the wrap of the id
		last := a.TokenKeys()[len(a.TokenKeys())-1]
		must(t, a.RotateTokenKey())
		keys := a.TokenKeys()
		if len(keys) != 2 || keys[0] != last || keys[1].ID != last.ID+1 || len(keys[1].Key.Reveal()) != tokenKeySize || seen[keys[1].Key.Reveal()] {
			t.Fatalf("after %+v come %+v", last, keys)
		}
		seen[keys[1].Key.Reveal()] = true
	}
}

func TestCopiedImageMakesIdentitiesOfItsOwn(t *testing.T) {
	k := newKeyring(t)
	for _, c := range []struct {
		name        string
		stored, now Fingerprint
		reason      string
	}{
		{"the same machine", Fingerprint{"m1", "u1"}, Fingerprint{"m1", "u1"}, ""},
		{"another machine id", Fingerprint{"m1", "u1"}, Fingerprint{"m2", "u1"}, "machine id differs"},
		{"another UUID, the image kept its machine id", Fingerprint{"m1", "u1"}, Fingerprint{"m1", "u2"}, "product UUID differs"},
		{"a UUID that cannot be read now", Fingerprint{"m1", "u1"}, Fingerprint{"m1", ""}, ""},
		{"a UUID that could not be read then", Fingerprint{"m1", ""}, Fingerprint{"m1", "u1"}, ""},
		{"nothing in common", Fingerprint{"m1", ""}, Fingerprint{"", "u1"}, ""},
		{"another UUID and no machine id", Fingerprint{"", "u1"}, Fingerprint{"m1", "u2"}, "product UUID differs"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "agent.db")
			a := openAgent(t, path, k, c.stored, new(strings.Builder))
			_, err := a.Put(Registration{Instance: testInstance(1)})
			must(t, err)
			must(t, a.PutEnrolment(Enrolment{CoreID: "c-1"}))
			must(t, a.Close())
			for round := range 2 {
				var log strings.Builder
				b := openAgent(t, path, k, c.now, &log)
				_, enrolled := b.Enrolment()
				kept := b.HostID() == a.HostID() && b.HostKey().Equal(a.HostKey()) && enrolled && len(b.Registrations()) == 1 &&
					b.TokenKeys()[0].Key.Reveal() == a.TokenKeys()[0].Key.Reveal()
				dropped := b.HostID() != a.HostID() && !b.HostKey().Equal(a.HostKey()) && !enrolled && len(b.Registrations()) == 0 &&
					b.TokenKeys()[0].Key.Reveal() != a.TokenKeys()[0].Key.Reveal()
				copied := c.reason != ""
				if kept == copied || dropped != copied || b.Fresh() != (copied && round == 0) {
					t.Errorf("round %d: kept %t, dropped %t, fresh %t", round, kept, dropped, b.Fresh())
				}
				if strings.Contains(log.String(), `level=WARN`) != b.Fresh() || !strings.Contains(log.String(), c.reason) && b.Fresh() {
					t.Errorf("round %d: logged %q", round, log.String())
				}
				must(t, b.Close())
			}
		})
	}
}

// What could not be read at first is learnt, and tells a copy later.
func TestFingerprintIsCompleted(t *testing.T) {
	path, k := filepath.Join(t.TempDir(), "agent.db"), newKeyring(t)
	for _, c := range []struct {
		now   Fingerprint
		fresh bool
	}{
		{Fingerprint{}, true},
		{Fingerprint{"", "u1"}, false},
		{Fingerprint{"m1", ""}, false},
		{Fingerprint{}, false},
		{Fingerprint{"m1", "u1"}, false},
		{Fingerprint{"", ""}, false},
		{Fingerprint{"m2", "u1"}, true},
		{Fingerprint{"", ""}, false},
		{Fingerprint{"m2", "u2"}, true},
	} {
		a := openAgent(t, path, k, c.now, new(strings.Builder))
		if a.Fresh() != c.fresh {
			t.Errorf("%+v: fresh %t, want %t", c.now, a.Fresh(), c.fresh)
		}
		must(t, a.Close())
	}
}

func TestDamagedAgentStopsAndIsLeftAlone(t *testing.T) {
	k := newKeyring(t)
	put := func(bucket, key, value string) func(t *testing.T, path string) {
		return func(t *testing.T, path string) {
			f, err := dbfile.Open(dbfile.Options{Path: path, Keyring: k, Kind: "agent"})
			must(t, err)
			must(t, f.Update(func(tx *dbfile.Tx) error { return tx.Put(bucket, key, []byte(value)) }))
			must(t, f.Close())
		}
	}
	for name, spoil := range map[string]func(t *testing.T, path string){
		"cut":                   func(t *testing.T, path string) { must(t, os.Truncate(path, 9000)) },
		"empty":                 func(t *testing.T, path string) { must(t, os.Truncate(path, 0)) },
		"a key that is none":    put(hostBucket, privateKeyKey, "key"),
		"no token keys":         put(hostBucket, tokenKeysKey, "[]"),
		"a short token key":     put(hostBucket, tokenKeysKey, `[{"id":1,"key":"c2hvcnQ="}]`),
		"a broken fingerprint":  put(hostBucket, fingerprintKey, "{"),
		"a broken enrolment":    put(hostBucket, enrolmentKey, "{"),
		"a broken instance":     put(instancesBucket, "i-1", "{"),
		"a broken incarnation":  put(instancesBucket, "i-1", `{"incarnation":"00"}`),
		"another's instance":    put(instancesBucket, "i-1", `{"instance_id":"i-2"}`),
		"a key of another kind": put(hostBucket, privateKeyKey, string(ed25519Key())),
		"a key of P-384":        put(hostBucket, privateKeyKey, string(p384Key(t))),
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "agent.db")
			must(t, openAgent(t, path, k, Fingerprint{}, new(strings.Builder)).Close())
			spoil(t, path)
			before, _ := os.ReadFile(path)
			_, err := OpenAgent(AgentConfig{Path: path, Keyring: k})
			var damaged *dbfile.DamagedError
			if !errors.As(err, &damaged) || !strings.Contains(err.Error(), "restore it from a backup, or move "+path+" away") {
				t.Errorf("OpenAgent = %v, want a DamagedError with the remedy", err)
			}
			after, _ := os.ReadFile(path)
			if entries, _ := os.ReadDir(filepath.Dir(path)); len(entries) != 1 || !bytes.Equal(before, after) {
				t.Errorf("the file was touched; %v", entries)
			}
			wantFree(t, path, k)
		})
	}
}

// ed25519Key is the example of RFC 8410 section 10.3.
func ed25519Key() []byte {
	der, _ := base64.StdEncoding.DecodeString("MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC")
	return der
}

func p384Key(t *testing.T) []byte {
	key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	must(t, err)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	return der
}

func TestFilesHoldNoSecretInClear(t *testing.T) {
	dir, k := t.TempDir(), newKeyring(t)
	a := openAgent(t, filepath.Join(dir, "agent.db"), k, Fingerprint{}, new(strings.Builder))
	c := openCache(t, filepath.Join(dir, "cache.db"), k, new(strings.Builder))
	r, err := a.Put(Registration{Instance: testInstance(1)})
	must(t, err)
	i := r.Instance
	must(t, a.RotateTokenKey())
	credentials := testCredentials(i.ID)
	c.Put(i, credentials)
	must(t, c.Close())
	must(t, a.Close())
	der, err := x509.MarshalPKCS8PrivateKey(a.HostKey())
	must(t, err)
	scalar, err := a.HostKey().Bytes()
	must(t, err)
	secrets := map[string][]byte{
		"secret access key": []byte(credentials.SecretAccessKey.Reveal()),
		"session token":     []byte(credentials.SessionToken.Reveal()),
		"private key":       scalar,
		"PKCS #8 key":       der,
		"token key":         []byte(a.TokenKeys()[0].Key.Reveal()),
		"newer token key":   []byte(a.TokenKeys()[1].Key.Reveal()),
		"incarnation":       i.Incarnation[:],
	}
	for _, name := range []string{"agent.db", "cache.db"} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		must(t, err)
		if !bytes.Contains(data, []byte(i.ID)) {
			t.Errorf("%s does not hold the instance's id: is this the file?", name)
		}
		for what, secret := range secrets {
			for _, form := range []string{string(secret), hex.EncodeToString(secret), base64.StdEncoding.EncodeToString(secret)} {
				if bytes.Contains(data, []byte(form)) {
					t.Errorf("%s holds the %s in clear", name, what)
				}
			}
		}
	}
	for _, verb := range []string{"%v", "%+v", "%#v"} {
		if text := fmt.Sprintf(verb, a.TokenKeys()); strings.Contains(text, a.TokenKeys()[0].Key.Reveal()) {
			t.Errorf("a token key prints as %s", text)
		}
	}
}
