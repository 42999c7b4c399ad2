package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/rolecall/rolecall/network/nettest"
)

const (
	identityPath = metadata + "/latest/dynamic/instance-identity/"
	everyForm    = "document\npkcs7\nrsa2048\nsignature"
)

// certificatesURL is where the core publishes what documents are verified by.
const certificatesURL = remoteURL + "/rolecall/v1/identity-certificates"

// identityForms waits until a guest's document is signed, and returns all forms of it, by
// their names. Each that is listed must be there.
func (h *house) identityForms() map[string]string {
	h.t.Helper()
	var list string
	h.until("a signed identity document", func() bool {
		_, list, _ = h.request("GET", identityPath, "X-aws-ec2-metadata-token", h.token())
		return list == everyForm
	})
	forms := map[string]string{}
	for name := range strings.Lines(list) {
		name = strings.TrimSpace(name)
		status, text, err := h.request("GET", identityPath+name, "X-aws-ec2-metadata-token", h.token())
		if err != nil || status != 200 {
			h.t.Fatalf("%s is listed and answers %d, %v", name, status, err)
		}
		forms[name] = text
	}
	return forms
}

// documentMembers is the document of a guest, decoded.
func documentMembers(t testing.TB, document string) (members map[string]any) {
	t.Helper()
	if err := json.Unmarshal([]byte(document), &members); err != nil {
		t.Fatalf("%v in %s", err, document)
	}
	return members
}

// sh runs a script inside the namespace, in a directory of its own.
func sh(t *testing.T, ns *nettest.Namespace, dir, script string) (string, error) {
	t.Helper()
	cmd := ns.Command(t.Context(), "sh", "-ec", script)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// The commands of AWS's user guide, "Verify the instance identity document", as they
// stand, but for curl's progress.
const (
	verifyPKCS7 = `echo "-----BEGIN PKCS7-----" >> FORM \
	&& TOKEN=$(curl -s -X PUT "http://169.254.169.254/latest/api/token" -H "X-aws-ec2-metadata-token-ttl-seconds: 21600") \
	&& curl -s -H "X-aws-ec2-metadata-token: $TOKEN" http://169.254.169.254/latest/dynamic/instance-identity/FORM >> FORM \
	&& echo "" >> FORM \
	&& echo "-----END PKCS7-----" >> FORM
openssl smime -verify -in FORM -inform PEM -certfile certificate -noverify | tee document`

	verifySignature = `TOKEN=$(curl -s -X PUT "http://169.254.169.254/latest/api/token" -H "X-aws-ec2-metadata-token-ttl-seconds: 21600") \
	&& curl -s -H "X-aws-ec2-metadata-token: $TOKEN" http://169.254.169.254/latest/dynamic/instance-identity/signature | base64 -d >> signature
curl -s -H "X-aws-ec2-metadata-token: $TOKEN" http://169.254.169.254/latest/dynamic/instance-identity/document >> document
openssl x509 -pubkey -noout -in certificate >> key
openssl dgst -sha256 -verify key -signature signature document`

	// What a careful party does: nobody's certificate but the site's counts, and it must be
	// valid.
	verifyCMS = `openssl cms -verify -in FORM -inform PEM -nointern -certfile certificate -CAfile certificate -purpose any -out document`
)

// TestOpenSSLVerifiesIdentityDocuments goes the whole way: a core and agents over TLS,
// guests in namespaces, and AWS's own commands.
func TestOpenSSLVerifiesIdentityDocuments(t *testing.T) {
	needs(t, "openssl", "curl")
	s, core := newSite(t, 2)
	var guests []*house
	var agents []*process
	ids := []string{webGuest, dbGuest}
	for n, h := range s.hosts {
		id := h.join(s.token("123456789012"))
		s.core("grant", "put", "g"+string(rune('0'+n)), "--host", id, "--profile", "web", "--instance-id", "i-*")
		agents = append(agents, h.agent())
		guests = append(guests, h.guest("tap1"))
		h.instance("put", "--id", ids[n], "--profile", "web", "--interface", "tap1")
	}
	certificate, err := sh(t, s.ns, s.dir, "curl -sf --cacert run/core-ca.pem "+certificatesURL)
	if err != nil || !strings.HasPrefix(certificate, "-----BEGIN CERTIFICATE-----") {
		t.Fatalf("the certificate: %s (%v)", certificate, err)
	}
	forms := map[string]map[string]string{}
	for n, guest := range guests {
		forms[ids[n]] = guest.identityForms()
		document := forms[ids[n]]["document"]
		if d := documentMembers(t, document); d["instanceId"] != ids[n] || d["accountId"] != "123456789012" || d["region"] != "us-east-1" || d["pendingTime"] == nil {
			t.Errorf("the document says %s", document)
		}
		for _, form := range []string{"pkcs7", "rsa2048", "signature"} {
			script, dir, times := verifySignature, t.TempDir(), 0
			if form != "signature" {
				script, times = verifyPKCS7+"\n"+verifyCMS, 2
			}
			if err := os.WriteFile(filepath.Join(dir, "certificate"), []byte(certificate), 0o600); err != nil {
				t.Fatal(err)
			}
			out, err := sh(t, guest.ns, dir, strings.ReplaceAll(script, "FORM", form))
			if err != nil || strings.Count(out, "Verification successful") != times || times == 0 && !strings.Contains(out, "Verified OK") {
				t.Errorf("openssl says of %s: %s (%v)", form, out, err)
			}
			if got, err := os.ReadFile(filepath.Join(dir, "document")); err != nil || string(got) != document {
				t.Errorf("%s is of %s (%v)", form, got, err)
			}
		}
	}
	s.verifies(forms[webGuest], forms[dbGuest])
	// What signs is out of a guest's reach.
	for _, path := range []string{"/rolecall/v1/leases/" + webGuest + "/identity-document", "/latest/dynamic/instance-identity/document"} {
		if status, text, err := guests[0].request("POST", metadata+path, "X-aws-ec2-metadata-token", guests[0].token()); err != nil || status != 405 || text != "" {
			t.Errorf("POST %s by a guest: %d %s (%v)", path, status, text, err)
		}
	}

	// Without the core, over a kill of the agent, all is as it was.
	core.signal(syscall.SIGKILL)
	h, guest := s.hosts[0], guests[0]
	before := guest.identityForms()
	agents[0].signal(syscall.SIGKILL)
	h.startAgent("agent is ready")
	if after := guest.identityForms(); len(after) != 4 || after["document"] != before["document"] || after["rsa2048"] != before["rsa2048"] || after["signature"] != before["signature"] {
		t.Errorf("after a restart without the core: %v", after)
	}
	// What the document says changes: no signature is of another document than the one
	// beside it, until the core has signed the new one.
	h.write("changed.yaml", "instance_id: "+webGuest+"\niam_instance_profile: web\nattachment: {interface: tap1}\ninstance_type: m7i.large\n")
	h.instance("put", "-f", h.path("changed.yaml"))
	if _, list, _ := guest.request("GET", identityPath, "X-aws-ec2-metadata-token", guest.token()); list != "document" {
		t.Errorf("without the core the changed document is listed with %q", list)
	}
	if status, _, _ := guest.request("GET", identityPath+"pkcs7", "X-aws-ec2-metadata-token", guest.token()); status != 503 {
		t.Errorf("the signature of a document that is not signed yet: %d", status)
	}
	s.startCore()
	changed := guest.identityForms()
	if d := documentMembers(t, changed["document"]); d["instanceType"] != "m7i.large" || d["pendingTime"] != documentMembers(t, before["document"])["pendingTime"] {
		t.Errorf("the document says %s", changed["document"])
	}
	s.verifies(changed, before)

	// The core takes the instance away: what is signed is served no more.
	s.core("lease", "release", webGuest)
	s.core("grant", "rm", "g0", "--account", "123456789012")
	guest.until("the end of the signatures", func() bool {
		_, list, _ := guest.request("GET", identityPath, "X-aws-ec2-metadata-token", guest.token())
		return list == "document"
	})
}

// verifies runs `rolecall identity verify` on what one guest has, and on what it has not.
func (s *site) verifies(forms, others map[string]string) {
	s.t.Helper()
	dir := s.t.TempDir()
	write := func(name, text string) string {
		s.t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			s.t.Fatal(err)
		}
		return path
	}
	for name, text := range forms {
		write(name, text)
		write("other-"+name, others[name])
	}
	write("altered", strings.Replace(forms["document"], "123456789012", "123456789013", 1))
	write("nothing", "")
	path := func(names ...string) (paths []string) {
		for _, name := range names {
			paths = append(paths, filepath.Join(dir, name))
		}
		return paths
	}
	trusted := []string{"--core", remoteURL, "--core-ca", s.path("run/core-ca.pem"), "-o", "json"}
	for _, names := range [][]string{{"document", "signature"}, {"pkcs7"}, {"rsa2048"}, {"document", "signature", "pkcs7", "rsa2048"}} {
		out, errs, ok := s.run("identity verify", append(trusted, path(names...)...)...)
		var v verifiedDocument
		if err := json.Unmarshal([]byte(out), &v); !ok || err != nil || !strings.Contains(v.Certificate.Subject, "Rolecall core-") {
			s.t.Fatalf("%v: %s%s", names, out, errs)
		}
		want := documentMembers(s.t, forms["document"])
		for _, m := range v.Members {
			by := map[bool]string{true: "core", false: "host"}[m.Name == "accountId" || m.Name == "instanceId"]
			if m.Value != want[m.Name] || m.VouchedBy != by {
				s.t.Errorf("%v: %+v", names, m)
			}
		}
	}
	for _, test := range []struct {
		names []string
		say   string
	}{
		{[]string{"document"}, "nothing here signs"},
		{[]string{"signature"}, "give the document too"},
		{[]string{"altered", "signature"}, "not what was signed"},
		{[]string{"altered", "rsa2048"}, "different documents"},
		{[]string{"other-document", "signature"}, "not what was signed"},
		{[]string{"nothing"}, "nothing: this is no identity document"},
		{[]string{"gone"}, "no such file"},
	} {
		if out, errs, ok := s.run("identity verify", append(trusted, path(test.names...)...)...); ok || out != "" || !strings.Contains(errs, test.say) {
			s.t.Errorf("%v: %s%s, want %q", test.names, out, errs, test.say)
		}
	}
	for say, flags := range map[string][]string{
		"--cert FILE, or --core URL": {},
		"use https":                  {"--core", "http://10.9.0.1:8473"},
		"want certificates as PEM":   {"--cert", path("document")[0]},
		"is for --core":              {"--cert", path("document")[0], "--core-ca", path("document")[0]},
		"unknown authority":          {"--core", remoteURL},
		"is it a core?":              {"--core", remoteURL + "/elsewhere", "--core-ca", s.path("run/core-ca.pem")},
	} {
		if out, errs, ok := s.run("identity verify", append(flags, path("rsa2048")...)...); ok || !strings.Contains(errs, say) {
			s.t.Errorf("%v: %s%s, want %q", flags, out, errs, say)
		}
	}
}
