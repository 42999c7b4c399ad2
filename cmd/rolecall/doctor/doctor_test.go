package doctor

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/cmd/rolecall/admin"
	"github.com/rolecall/rolecall/rolestore"
)

var now = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// healthy is a host with which nothing is wrong, and which serves no instance.
func healthy(t *testing.T) Host {
	return Host{
		Self: "rolecall", Env: func(string) string { return "" }, Environment: filepath.Join(t.TempDir(), "environment"),
		Now:     func() time.Time { return now },
		Unheard: func(rolestore.Attachment) error { return nil },
		Status:  func(context.Context) (admin.Status, error) { return admin.Status{Issuer: "unix:/run/issuer.sock"}, nil },
	}
}

func with(h Host, s admin.Status) Host {
	h.Status = func(context.Context) (admin.Status, error) { return s, nil }
	return h
}

func TestNothingIsWrong(t *testing.T) {
	if found := Examine(t.Context(), healthy(t)); found == nil || len(found) > 0 {
		t.Errorf("%+v", found)
	}
}

func TestTheAgentDoesNotAnswer(t *testing.T) {
	h := healthy(t)
	h.Status = func(context.Context) (admin.Status, error) {
		return admin.Status{}, errors.New("nothing listens on /run/agent.sock")
	}
	h.Env = func(name string) string { return map[string]string{"http_proxy": "http://proxy"}[name] }
	found := Examine(t.Context(), h)
	if len(found) != 2 || found[0].Severity != Error || !strings.Contains(found[0].What, "/run/agent.sock") || found[0].Remedy == "" {
		t.Errorf("%+v", found)
	}
}

func TestInstancesThatAreNotServedOrNotForLong(t *testing.T) {
	in := func(d time.Duration) *time.Time { at := now.Add(d); return &at }
	role := "arn:aws:iam::123456789012:role/web"
	for _, test := range []struct {
		name string
		i    admin.Instance
		want Finding // of which What is a part
	}{
		{"all is well", admin.Instance{State: admin.StateWaiting, RoleARN: role, Expiration: in(time.Hour), StateReason: "device tap1 is not there yet"},
			Finding{Severity: Warning, What: "not served: device tap1 is not there yet", Remedy: "rolecall instance wait i-1"}},
		{"ended", admin.Instance{State: admin.StateEnded, RoleARN: role, Expiration: in(-time.Hour), StateReason: "device tap1 is gone"},
			Finding{Severity: Warning, What: "ended: device tap1 is gone", Remedy: "rolecall instance rm i-1"}},
		{"failed", admin.Instance{State: admin.StateFailed, StateReason: "device tap1 is a bridge"},
			Finding{Severity: Error, What: "cannot be served: device tap1 is a bridge", Remedy: "rolecall instance show i-1"}},
		{"expired", admin.Instance{State: admin.StateAttached, RoleARN: role, Expiration: in(0), Failures: 3, LastError: "no answer"},
			Finding{Severity: Error, What: "have expired: no answer", Remedy: "rolecall status"}},
		{"soon", admin.Instance{State: admin.StateAttached, RoleARN: role, Expiration: in(20 * time.Minute), Failures: 1, LastError: "no answer"},
			Finding{Severity: Error, What: "run out in 20m0s: no answer", Remedy: "rolecall status"}},
		{"later", admin.Instance{State: admin.StateAttached, RoleARN: role, Expiration: in(time.Hour), Failures: 1, LastError: "no answer"},
			Finding{Severity: Warning, What: "run out in 1h0m0s: no answer", Remedy: "rolecall status"}},
		{"never", admin.Instance{State: admin.StateAttached, RoleARN: role, LastError: "no answer"},
			Finding{Severity: Error, What: "no credentials yet: no answer", Remedy: "rolecall status"}},
		{"host", admin.Instance{State: admin.StateWaiting, AttachmentDetails: rolestore.Attachment{Host: true}},
			Finding{Severity: Information, What: "hop limit protects nothing"}},
		{"refused", admin.Instance{State: admin.StateFailed, LastRefusal: &admin.Refusal{Time: now.Add(-time.Minute), Peer: "10.0.0.5:1", Path: "/\n", Status: 401, Reason: "no token", Remedy: "use IMDSv2"}},
			Finding{Severity: Information, What: `1m0s ago: "/\n" from 10.0.0.5:1 got 401: no token`, Remedy: "use IMDSv2"}},
	} {
		test.i.ID, test.i.Attachment = "i-1", "tap1"
		h := healthy(t)
		h.status = admin.Status{Instances: []admin.Instance{test.i}}
		found := instances(t.Context(), h)
		has := false
		for _, f := range found {
			has = has || f.Severity == test.want.Severity && strings.Contains(f.What, test.want.What) && strings.HasPrefix(f.Remedy, test.want.Remedy) &&
				(f.Remedy == "") == (test.want.Remedy == "") && f.Where == "instance i-1 on tap1"
		}
		if !has {
			t.Errorf("%s: %+v", test.name, found)
		}
	}
	h := healthy(t)
	h.status = admin.Status{Instances: []admin.Instance{
		{ID: "i-1", State: admin.StateAttached, RoleARN: role, Expiration: in(10 * time.Minute)}, // of a short session
		{ID: "i-2", State: admin.StateAttached, RoleARN: role},                                   // on their way
		{ID: "i-3", State: admin.StateAttached},
	}}
	if found := instances(t.Context(), h); len(found) > 0 {
		t.Errorf("nothing is wrong with these: %+v", found)
	}
}

func TestWhoIsNoInstanceIsTold(t *testing.T) {
	found := Examine(t.Context(), with(healthy(t), admin.Status{Unclaimed: []string{"tap9"}, Notes: []string{"mend this"}, PortMode: "direct", Port: 80}))
	if text := what(found); len(found) != 3 || !strings.Contains(text, "mend this") || !strings.Contains(text, "port mode direct") ||
		found[1].Remedy != "rolecall instance put --profile NAME --interface tap9" {
		t.Errorf("%+v", found)
	}
}

func what(found []Finding) string {
	var all []string
	for _, f := range found {
		all = append(all, f.What)
	}
	return strings.Join(all, "\n")
}

func TestProxiesThatWouldGetTheRequests(t *testing.T) {
	for _, test := range []struct {
		name string
		file string
		want int
	}{
		{"none", "PATH=/bin\n", 0},
		{"a proxy", "http_proxy=http://proxy:3128\n", 1},
		{"a proxy in quotes", "export HTTP_PROXY=\"http://proxy:3128\"\nNO_PROXY='localhost,it''s'\n", 1},
		{"a comment", "#HTTP_PROXY=http://proxy:3128\n", 0},
		{"with the exception", "ALL_PROXY=http://proxy:3128\nno_proxy=\"localhost,169.254.169.254\"\n", 0},
		{"for nothing", "HTTP_PROXY=http://proxy:3128\nno_proxy=*\n", 0},
		{"for other URLs", "HTTPS_PROXY=http://proxy:3128\n", 0},
		{"the last one counts", "HTTP_PROXY=http://proxy:3128\nHTTP_PROXY=\n", 0},
	} {
		h := healthy(t)
		if err := os.WriteFile(h.Environment, []byte(test.file), 0o600); err != nil {
			t.Fatal(err)
		}
		found := proxies(t.Context(), h)
		if len(found) != test.want {
			t.Errorf("%s: %+v", test.name, found)
		}
		for _, f := range found { // the remedy works when pasted
			if out, err := exec.CommandContext(t.Context(), "sh", "-c", f.Remedy).CombinedOutput(); err != nil {
				t.Errorf("%s: %v\n%s", f.Remedy, err, out)
			}
			variables, err := read(h.Environment)
			if err != nil || len(proxies(t.Context(), h)) > 0 || strings.Contains(test.file, "localhost") != strings.Contains(variables["NO_PROXY"], "localhost") {
				t.Errorf("%s: after %s: %v, %v", test.name, f.Remedy, variables, err)
			}
		}
	}
	h := healthy(t)
	h.Env = func(name string) string { return map[string]string{"HTTP_PROXY": "http://proxy"}[name] }
	found := proxies(t.Context(), h)
	if len(found) != 1 {
		t.Fatalf("%+v", found)
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-c", found[0].Remedy+` && printf %s "$NO_PROXY $no_proxy"`)
	cmd.Env = []string{"NO_PROXY=localhost"}
	if out, err := cmd.Output(); err != nil || string(out) != "localhost,169.254.169.254 169.254.169.254" {
		t.Errorf("%q, %v", out, err)
	}
}

func TestTheClockIsHeldAgainstTheIssuers(t *testing.T) {
	date := now
	issuer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", date.Format(http.TimeFormat))
		w.WriteHeader(http.StatusForbidden)
	}))
	defer issuer.Close()
	for _, test := range []struct {
		off  time.Duration
		want Severity
	}{
		{0, ""}, {50 * time.Second, ""}, {-50 * time.Second, ""}, {2 * time.Minute, Warning}, {-2 * time.Minute, Warning}, {6 * time.Minute, Error}, {-time.Hour, Error},
	} {
		date = now.Add(test.off)
		h := healthy(t)
		h.status = admin.Status{Issuer: issuer.URL}
		var got Severity
		for _, f := range clock(t.Context(), h) {
			got = f.Severity
		}
		if got != test.want {
			t.Errorf("the issuer's clock is %s off: %q, want %q", test.off, got, test.want)
		}
	}
	issuer.Close()
	for _, other := range []string{issuer.URL, "unix:/run/issuer.sock", "", "http://%"} {
		h := healthy(t)
		h.status = admin.Status{Issuer: other}
		if found := clock(t.Context(), h); len(found) > 0 {
			t.Errorf("%s: %+v", other, found)
		}
	}
}

func TestWordsForAShell(t *testing.T) {
	for _, word := range []string{"tap0", "a b", "it's", "", "$(id)", "tàp", "x;y"} {
		out, err := exec.CommandContext(t.Context(), "sh", "-c", "printf %s "+quoted(word)).Output()
		if err != nil || string(out) != word {
			t.Errorf("%q is %q, %v", word, out, err)
		}
	}
}
