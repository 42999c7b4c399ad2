package main

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestTheReadmesWayToVerifyWorks pastes what the README says, on the machine itself, and
// then has an attacker's document in the place of its own.
func TestTheReadmesWayToVerifyWorks(t *testing.T) {
	needs(t, "openssl", "curl")
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	recipe := regexp.MustCompile("(?s)## Which machine is it\\?.*?```sh\n(.*?)```").FindSubmatch(readme)
	if recipe == nil {
		t.Fatal("the README does not say how to verify a document")
	}
	h := newHouse(t)
	h.up()
	h.identityForms() // the first waits for the site's certificate, whose key takes a while to make
	dir := t.TempDir()
	path := "PATH=" + h.identityProgram(t) + ":$PATH\n"
	out, err := sh(t, h.ns, dir, path+string(recipe[1]))
	if err != nil || !strings.Contains(out, "Verification successful") || strings.Count(out, h.status().Instances[0].ID) != 2 {
		t.Errorf("the README's commands say: %s (%v)", out, err)
	}
	_, recipeVerifies, _ := strings.Cut(string(recipe[1]), "> certificate\n")
	openssl, own, _ := strings.Cut(recipeVerifies, "\nrolecall ")
	// The attacker brings his certificate along, as PKCS#7 has room for it.
	forge := `openssl req -x509 -newkey rsa:2048 -nodes -keyout own.key -out own.crt -days 1 -subj /CN=attacker 2>&1
echo '{"accountId" : "123456789012", "instanceId" : "i-00000000000000000"}' > forged
openssl smime -sign -in forged -signer own.crt -inkey own.key -nodetach -binary -outform DER | base64 -w 64 | head -c -1 > rsa2048
`
	if out, err := sh(t, h.ns, dir, forge+strings.Replace(openssl, " -nointern", "", 1)); err != nil || !strings.Contains(out, "Verification successful") {
		t.Errorf("without -nointern openssl refuses the forgery, and the README is wrong: %s (%v)", out, err)
	}
	if out, err := sh(t, h.ns, dir, openssl); err == nil || strings.Contains(out, "Verification successful") {
		t.Errorf("the README's openssl believes a forgery: %s", out)
	}
	if out, err := sh(t, h.ns, dir, path+"rolecall "+own); err == nil || strings.Contains(out, "i-00000000000000000") {
		t.Errorf("identity verify believes a forgery: %s", out)
	}
}

// identityProgram makes a directory with a program rolecall that is this one.
func (h *house) identityProgram(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	text := "#!/bin/sh\nexport " + roleVariable + "=" + roleMain + " GORACE=atexit_sleep_ms=0\nexec " + self + " \"$@\"\n"
	if err := os.WriteFile(dir+"/rolecall", []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestYourOwnCertificateSigns is made by openssl, as operators do, and replaced while
// the core runs.
func TestYourOwnCertificateSigns(t *testing.T) {
	needs(t, "openssl", "curl", "faketime")
	h := newHouse(t)
	own := func(name, key string, before ...string) []string {
		t.Helper()
		out, err := sh(t, h.ns, h.dir, strings.Join(before, " ")+" openssl req -x509 -newkey "+key+" -nodes -keyout "+name+".key -out "+name+".crt -days 9 -subj /CN="+name)
		if err != nil {
			t.Fatalf("%s: %v", out, err)
		}
		return []string{"--identity-cert", h.path(name + ".crt"), "--identity-key", h.path(name + ".key")}
	}
	good, curve := own("good", "rsa:3072"), own("curve", "ec -pkeyopt ec_paramgen_curve:P-256")
	for say, flags := range map[string][]string{
		"belong together":                  good[:2],
		"are signed with RSA":              curve,
		"private key does not match":       {good[0], good[1], curve[2], own("other", "rsa:2048")[3]},
		"no such file":                     {good[0], h.path("gone"), good[2], good[3]},
		"is valid from":                    own("past", "rsa:2048", "faketime 2020-01-01"),
		"failed to find any PEM data in c": {good[0], h.path("core.yaml"), good[2], good[3]},
	} {
		if errs := h.refused("up", flags...); !strings.Contains(errs, say) {
			t.Errorf("%v: %q, want %q", flags, errs, say)
		}
	}
	h.up(good...)
	forms := h.identityForms()
	h.write("rsa2048", forms["rsa2048"])
	verify := func(trust ...string) string {
		out, errs, _ := h.run("identity verify", append(trust, h.path("rsa2048"))...)
		return out + errs
	}
	for _, trust := range [][]string{{"--cert", h.path("good.crt")}, {"--core", issuerURL}} {
		if out := verify(trust...); !strings.Contains(out, "CN=good") {
			t.Errorf("%v: %s", trust, out)
		}
	}
	if out := verify("--cert", h.path("other.crt")); !strings.Contains(out, "another site") {
		t.Errorf("by another certificate: %s", out)
	}
	// A new one takes its place; what the old one signed is verified by what the core
	// serves.
	if out, err := sh(t, h.ns, h.dir, "cp other.key good.key && cp other.crt good.crt"); err != nil {
		t.Fatalf("%s: %v", out, err)
	}
	h.until("the new certificate", func() bool {
		certificates, _ := sh(t, h.ns, h.dir, "curl -s "+issuerURL+"/rolecall/v1/identity-certificates | openssl x509 -noout -subject")
		return strings.Contains(certificates, "other")
	})
	if out := verify("--core", issuerURL); !strings.Contains(out, "CN=good") {
		t.Errorf("after another certificate has taken its place: %s", out)
	}
}
