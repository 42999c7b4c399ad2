package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// refused runs a command that must end with an error, and returns its words.
func (h *house) refused(command string, more ...string) string {
	h.t.Helper()
	p := h.start(nil, command, more...)
	p.waitFor("rolecall: ")
	<-p.done
	if p.err == nil {
		h.t.Errorf("rolecall %s %v did not fail", command, more)
	}
	_, words, _ := strings.Cut(p.output.String(), "rolecall: ")
	return words
}

func expect(t *testing.T, words string, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if !strings.Contains(words, want) {
			t.Errorf("rolecall says %q, want %q in it", words, want)
		}
	}
}

func TestASecondUpNamesTheFirst(t *testing.T) {
	h := newHouse(t)
	p := h.up()
	expect(t, h.refused("up"), "already running as pid")
	h.role() // and the first goes on

	other := &house{t: t, ns: h.ns, dir: t.TempDir()}
	other.write("core.yaml", "")
	expect(t, other.refused("up"), "127.0.0.1:8473", "--issuer-listen")
	expect(t, other.refused("up", "--issuer-listen", "127.0.0.1:8475"), "another service answers", "--take-over", "--listen 127.0.0.1:1338")
	h.role()
	p.stop()
}

func TestAPortThatIsNotOursToTake(t *testing.T) {
	h := newHouse(t)
	expect(t, h.refused("up", "--port", "80"), "--port-mode direct")
	expect(t, h.refused("up", "--port", "40000"), "ip_local_port_range", "--port 8474")
}

func TestATakenPortNamesItsHolder(t *testing.T) {
	h := newHouse(t)
	web := h.ns.Command(t.Context(), "/usr/bin/python3", "-u", "-m", "http.server", "80")
	web.Stdout = &output{}
	if err := web.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = web.Process.Kill(); _ = web.Wait() }()
	for status := 0; status != 200; { // until it listens
		status, _, _ = h.request("GET", "http://127.0.0.1/")
	}
	expect(t, h.refused("up", "--port-mode", "direct"), "169.254.169.254:80 is in use", "python3", "--listen 127.0.0.1:1338")
	if h.metadataAddresses() {
		t.Errorf("what failed left an address:\n%s", h.addresses())
	}
}

func TestKeys(t *testing.T) {
	h := newHouse(t)
	h.up().stop()
	sound, err := os.ReadFile(h.path("etc/keys"))
	if err != nil {
		t.Fatal(err)
	}
	other := newHouse(t)
	other.up().stop()
	wrong, err := os.ReadFile(other.path("etc/keys"))
	if err != nil {
		t.Fatal(err)
	}
	before := h.files()
	put := func(text []byte, mode os.FileMode) {
		t.Helper()
		_ = os.RemoveAll(h.path("etc/keys"))
		if err := os.WriteFile(h.path("etc/keys"), text, mode); err != nil {
			t.Fatal(err)
		}
	}

	put(wrong, 0o600)
	expect(t, h.refused("up"), "which "+h.path("etc/keys")+" does not hold")
	put(sound, 0o644)
	expect(t, h.refused("up"), "chmod", h.path("etc/keys"))
	put(sound[:len(sound)-10], 0o600)
	expect(t, h.refused("up"), h.path("etc/keys"))
	put(nil, 0o600)
	expect(t, h.refused("up"), h.path("etc/keys"))
	if err := os.Remove(h.path("etc/keys")); err != nil {
		t.Fatal(err)
	}
	expect(t, h.refused("up"), "is missing", "put the key file back")
	if _, err := os.Stat(h.path("etc/keys")); err == nil {
		t.Error("a new key was made beside data that it cannot open")
	}
	if err := os.Mkdir(h.path("etc/keys"), 0o700); err != nil {
		t.Fatal(err)
	}
	expect(t, h.refused("up"), h.path("etc/keys"))

	if after := h.files(); after != before {
		t.Errorf("the refusals changed the state directory from %s to %s", before, after)
	}
	put(sound, 0o600)
	h.up()
}

// files are the names of the databases and what is made of them.
func (h *house) files() string {
	h.t.Helper()
	entries, err := os.ReadDir(h.path("state"))
	if err != nil {
		h.t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return strings.Join(names, " ")
}

func TestDamagedDatabases(t *testing.T) {
	garbage := bytes.Repeat([]byte("not a database\n"), 4096)
	for name, test := range map[string]struct{ wants []string }{
		"agent.db": {[]string{"agent.db", "backup"}},
		"core.db":  {[]string{"core.db", "backup"}},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.up().stop()
			if err := os.WriteFile(h.path("state/"+name), garbage, 0o600); err != nil {
				t.Fatal(err)
			}
			expect(t, h.refused("up"), test.wants...)
			if text, err := os.ReadFile(h.path("state/" + name)); err != nil || !bytes.Equal(text, garbage) {
				t.Errorf("the damaged file was changed (%v)", err)
			}
		})
	}
	t.Run("cache.db", func(t *testing.T) {
		h := newHouse(t)
		h.up().stop()
		if err := os.WriteFile(h.path("state/cache.db"), garbage, 0o600); err != nil {
			t.Fatal(err)
		}
		h.up()
		h.role()
		aside, err := filepath.Glob(h.path("state/cache.db.damaged-*"))
		if err != nil || len(aside) != 1 {
			t.Errorf("the damaged cache was not set aside: %v, %v", aside, err)
		}
	})
}

func TestConfigurationFiles(t *testing.T) {
	for name, test := range map[string]struct {
		text  string
		wants []string
	}{
		"an unknown key": {"region: eu-west-1\nrolls: []\n", []string{`core.yaml:2: unknown key "rolls"`}},
		"an unknown key of a role": {"accounts:\n  - id: \"123456789012\"\n    roles:\n      - role_nam: x\n",
			[]string{`core.yaml:4: unknown key "role_nam"`}},
		"a second document":          {"region: x\n---\naccounts: x\n", []string{"second document"}},
		"an empty region":            {"region: \"\"\n", []string{"region"}},
		"a value of another type":    {"take_over: maybe\n", []string{"core.yaml:1: take_over"}},
		"a list where a value goes":  {"region: [a, b]\n", []string{"core.yaml:1: region: want one value"}},
		"no YAML":                    {"region: x\naccounts:\n  - [\n", []string{"core.yaml:3:"}},
		"an account of five digits":  {"accounts: [{id: 12345}]\n", []string{"twelve digits"}},
		"an account that is no list": {"accounts: x\n", []string{"core.yaml:1:"}},
		"a grant of everything": {grantYAML("h-0123456789abcdef0", strings.Repeat("0", 64), `"*"`),
			[]string{`core.yaml:11: account 123456789012: grant web: instance profile "*": name each profile; * is refused`}},
		"a trust policy that names nobody": {strings.Replace(guestRoles, "{Service: ec2.amazonaws.com}", "{AWS: \"arn:aws:iam::123456789012:user/bob\"}", 1),
			[]string{"core.yaml:9: ", "role db: assume_role_policy_document: ", "must be defined here"}},
		"a fraction of a second": {strings.Replace(guestRoles, "role_name: db", "max_session_duration: 3600.5, role_name: db", 1),
			[]string{"core.yaml:9: want a whole number, and not `3600.5`"}},
		"a role twice": {strings.Replace(guestRoles, "role_name: db", "role_name: web", 1), []string{"core.yaml:9: account 123456789012: role web: it is defined twice"}},
		"no trust policy": {"accounts: [{id: \"123456789012\", roles: [{role_name: default}]}]\n",
			[]string{"role default", "assume_role_policy_document is missing"}},
		"a trust policy with an element that nobody knows": {"accounts: [{id: \"123456789012\", roles: [{role_name: default, " +
			"assume_role_policy_document: {Version: \"2012-10-17\", Statement: [{Effect: Allow, Principal: {Service: ec2.amazonaws.com}, " +
			"Action: sts:AssumeRole, Unless: x}]}}]}]\n", []string{"role default", "Unless"}},
		"no instance profile": {"accounts: [{id: \"123456789012\"}]\n", []string{`no instance profile "default"`, "--instance-profile"}},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.write("core.yaml", test.text)
			expect(t, h.refused("up"), test.wants...)
		})
	}
}

func TestPathsThatWouldDoHarm(t *testing.T) {
	h := newHouse(t)
	h.write("precious", "text")
	expect(t, h.refused("up", "--admin-socket", h.path("precious")), h.path("precious"), "no socket")
	if text, err := os.ReadFile(h.path("precious")); err != nil || string(text) != "text" {
		t.Errorf("the file at the socket's path is %q (%v)", text, err)
	}

	shared := h.path("shared")
	if err := os.Mkdir(shared, 0o755); err != nil {
		t.Fatal(err)
	}
	expect(t, h.refused("up", "--state-dir", shared), "open to others", "chmod 700", "--state-dir")
	if info, err := os.Stat(shared); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("the shared directory has mode %v (%v)", info.Mode(), err)
	}
	if err := errors.Join(os.Chmod(shared, 0o700), os.Chown(shared, 65534, 65534)); err != nil {
		t.Fatal(err)
	}
	expect(t, h.refused("up", "--state-dir", shared), "belongs to user 65534")
	expect(t, h.refused("up", "--state-dir", h.path("precious")), "--state-dir")

	expect(t, h.refused("up", "--state-dir", filepath.Join(shared, "below")), "belongs to user 65534", "in the place of")
	expect(t, h.refused("up", "--admin-socket", filepath.Join(shared, "agent.sock")), "belongs to user 65534")
	expect(t, h.refused("up", "--admin-socket", h.path(strings.Repeat("x-", 54))), "107 bytes")
	if err := errors.Join(os.Chown(shared, 0, 0), os.Chmod(shared, 0o777)); err != nil {
		t.Fatal(err)
	}
	expect(t, h.refused("up", "--state-dir", filepath.Join(shared, "below")), "everybody may write")
}

func TestOddStateDirectoriesWork(t *testing.T) {
	for _, dir := range []string{"relative", "a#b", "a?b c%41"} {
		t.Run(dir, func(t *testing.T) {
			h := newHouse(t)
			t.Chdir(h.dir)
			h.up("--state-dir", dir)
			h.role()
		})
	}
}

func TestPruneIsRefusedBeforeItDeletes(t *testing.T) {
	h := newHouse(t)
	sound := coreFileOf("123456789012", "ec2.amazonaws.com")
	h.write("core.yaml", sound)
	h.up().stop()
	h.write("core.yaml", "accounts: [{id: \"123456789012\"}]\n")
	expect(t, h.refused("up", "--prune"), "--prune would delete", "--instance-profile")
	h.write("core.yaml", sound)
	p := h.up()
	if strings.Contains(p.output.String(), "created") {
		t.Errorf("the refusal had deleted something:\n%s", p.output)
	}
}

func TestFlagsThatWouldExposeSecrets(t *testing.T) {
	h := newHouse(t)
	expect(t, h.refused("up", "--issuer-listen", "0.0.0.0:8473"), "TLS", "127.0.0.1:8473")
	expect(t, h.refused("up", "--listen", "0.0.0.0:1338"), "loopback", "--listen 127.0.0.1:1338")
	expect(t, h.refused("up", "--session-duration", "13h"), "15m0s to 12h0m0s")
}
