package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestAWebPageGetsNothing lets a real browser in a guest visit a page whose name, once it
// is loaded, resolves to the metadata service. All that the page asks for by that name is
// refused and counted; what it asks for by address it cannot read, and is refused too
// where browsers say where it comes from. Tokens are optional for the instance, so that a
// single GET would do.
func TestAWebPageGetsNothing(t *testing.T) {
	// Service workers are for pages that came by TLS.
	const worker = "--unsafely-treat-insecure-origin-as-secure=http://rebind.test"
	for name, flags := range map[string][]string{"alone": nil, "with a service worker": {worker}} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.write("core.yaml", guestRoles)
			h.up()
			guest := h.guest("tap1")
			h.write("guest.yaml", "instance_id: "+webGuest+"\niam_instance_profile: web\nattachment: {interface: tap1}\n"+
				"metadata_options: {http_tokens: optional}\n")
			h.instance("put", "-f", h.path("guest.yaml"))
			h.instance("wait", webGuest)
			visitAttacker(t, h, guest, flags)
		})
	}
}

func visitAttacker(t *testing.T, h, guest *house, flags []string) {
	credentials := guest.role()
	before := h.find(webGuest)
	a := newAttacker(t, guest.ns)
	guest.browse("http://rebind.test/", flags...)

	own := a.next("own")
	for _, s := range own.seen {
		if s.Text != attackerMark {
			t.Fatalf("the page does not even reach its own server: %+v", s)
		}
	}
	a.rebindTo("169.254.169.254")
	own.goesOn()

	rebound := a.next("rebound")
	checkSights(t, rebound.seen, credentials)
	refused := 0
	for _, s := range rebound.seen {
		if s.Status == 403 && s.Text == "" {
			refused++
		}
	}
	if want := 8 + 2*len(flags); refused != want { // what is no fetch shows no status
		t.Errorf("the page saw %d refusals, want %d: %+v", refused, want, rebound.seen)
	}
	after := h.find(webGuest)
	if got := after.BrowserRequestsRefused - before.BrowserRequestsRefused; got < uint64(len(rebound.seen)) {
		t.Errorf("%d requests of a page are counted, want at least %d", got, len(rebound.seen))
	}
	if after.MetadataNoToken != before.MetadataNoToken {
		t.Errorf("%d requests were let in", after.MetadataNoToken-before.MetadataNoToken)
	}
	if r := after.LastRefusal; r == nil || r.Status != 403 || !strings.Contains(r.Remedy, "169.254.169.254") {
		t.Errorf("the last refusal is %+v", r)
	}
	rebound.goesOn()

	direct := a.next("direct")
	checkSights(t, direct.seen, credentials)
	const withOrigin = 5 // fetch's PUT, GET and POST, the form and the socket
	if got := h.find(webGuest).BrowserRequestsRefused - after.BrowserRequestsRefused; got < withOrigin {
		t.Errorf("%d requests of another origin are counted, want at least %d", got, withOrigin)
	}
	direct.goesOn()
}

// checkSights looks for anything of the metadata service in what the page has seen.
func checkSights(t *testing.T, seen []sight, credentials map[string]string) {
	t.Helper()
	if len(seen) < 10 {
		t.Errorf("the page has tried %d attacks only: %+v", len(seen), seen)
	}
	for _, s := range seen {
		leaks := slices.ContainsFunc([]string{"web", credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials["Token"]},
			func(secret string) bool { return strings.Contains(s.Text, secret) })
		if leaks || sessionToken.MatchString(s.Text) || s.Status/100 == 2 || s.Status == 101 {
			t.Errorf("the page has seen %+v", s)
		}
	}
}

// browse has Chromium visit a page until the test ends, with the attacker's name server.
func (h *house) browse(url string, flags ...string) {
	h.t.Helper()
	h.write("resolv.conf", "nameserver "+attackerAddress+"\n")
	// The last process of a process namespace takes all others with it.
	args := []string{"--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c",
		`mount --bind "$0" /etc/resolv.conf && exec "$@"`, h.path("resolv.conf"),
		"chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--remote-debugging-port=0",
		// What a browser may do about such pages by itself is not what is tested.
		"--disable-features=LocalNetworkAccessChecks,HttpsUpgrades,HttpsFirstBalancedModeAutoEnable",
		"--user-data-dir=" + filepath.Join(h.t.TempDir(), "chromium")}
	cmd := h.ns.Command(h.t.Context(), "unshare", append(append(args, flags...), url)...)
	said := &output{changed: make(chan struct{}, 1)}
	cmd.Stdout, cmd.Stderr, cmd.Env = said, said, []string{"PATH=" + os.Getenv("PATH"), "HOME=" + h.t.TempDir()}
	if err := cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if h.t.Failed() {
			h.t.Logf("output of chromium:\n%s", said)
		}
	})
}
