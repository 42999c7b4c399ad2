package imds_test

import (
	"bufio"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/imds"
)

func TestLastRefusalIsKept(t *testing.T) {
	h := newHost(t)
	if _, ok := h.LastRefusal(webID); ok {
		t.Error("a refusal of an unknown instance")
	}
	h.Put(web())
	h.get(t, "/latest/nothing") // is an answer
	if r, ok := h.LastRefusal(webID); ok {
		t.Errorf("refused before anything was: %+v", r)
	}
	h.sleep(time.Minute)
	h.ask(t, webID, "GET /latest/meta-data/?a=b HTTP/1.1", hostIP)
	want := imds.Refusal{
		Time:   start.Add(time.Minute),
		Peer:   "192.0.2.9:4321",
		Path:   "/latest/meta-data/",
		Status: 401,
		Reason: "there is no session token, and the instance requires one",
		Remedy: "use an SDK with IMDSv2, or set metadata_options.http_tokens to optional",
	}
	if r, ok := h.LastRefusal(webID); !ok || r != want {
		t.Errorf("got %+v, want %+v", r, want)
	}
	h.ask(t, webID, "POST /"+strings.Repeat("x", 1000)+" HTTP/1.1", hostIP)
	if r, _ := h.LastRefusal(webID); r.Status != 405 || len(r.Path) != 128 {
		t.Errorf("got %d for a path of %d bytes", r.Status, len(r.Path))
	}
	h.Put(web())
	if _, ok := h.LastRefusal(webID); !ok {
		t.Error("forgotten by an update")
	}
	h.Remove(webID)
	h.Put(web())
	if _, ok := h.LastRefusal(webID); ok {
		t.Error("remembered by the next life")
	}
}

func TestEveryRefusalNamesItsRemedy(t *testing.T) {
	h := newHost(t)
	h.Put(web())
	token := sessHeader + ": " + h.token(t, webID)
	for _, lines := range [][]string{
		{"GET / HTTP/1.1", "Host: example.com"},
		{"GET / HTTP/1.1", hostIP, "Origin: x"},
		{"GET / HTTP/1.1", hostIP, token, "X-Forwarded-For: x"},
		{"GET / HTTP/1.1", hostIP, "Expect: 100-continue"},
		{"GET / HTTP/1.1", hostIP, token, token},
		{"GET / HTTP/1.1", hostIP, sessHeader + ": forged"},
		{"PUT / HTTP/1.1", hostIP},
		{"PUT /latest/api/token HTTP/1.1", hostIP},
		{"PUT /1.0/api/token HTTP/1.1", hostIP},
		{"GET /latest/api/token HTTP/1.1", hostIP, token},
	} {
		h.ask(t, webID, lines...)
		r, ok := h.LastRefusal(webID)
		if !ok || r.Reason == "" || r.Remedy == "" || r.Status < 400 {
			t.Errorf("%q: %+v", lines, r)
		}
		if !strings.Contains(h.log.String(), `reason="`+r.Reason+`"`) {
			t.Errorf("%q is not logged: %s", r.Reason, h.log)
		}
		h.Remove(webID)
		h.Put(web())
	}
}

func TestLogNamesTheCallerAndNoSecret(t *testing.T) {
	h := newHost(t)
	h.Put(web())
	publish(h)
	tok := h.token(t, webID)
	foreign := h.token(t, webID)
	h.get(t, rolePath)
	i := web()
	i.Incarnation[0]++
	h.Put(i)
	h.ask(t, webID, "GET "+rolePath+"?token="+tok+" HTTP/1.1", hostIP, sessHeader+": "+foreign, "Cookie: "+tok)
	h.ask(t, webID, "GET "+rolePath+" HTTP/1.1", hostIP, sessHeader+": "+tok+tok)
	h.ask(t, "nobody", "GET "+rolePath+" HTTP/1.1", hostIP, sessHeader+": "+tok)
	log := h.log.String()
	c := credentials()
	for _, secret := range []string{tok, foreign, c.SecretAccessKey.Reveal(), c.SessionToken.Reveal()} {
		if strings.Contains(log, secret) {
			t.Errorf("%s is in the log:\n%s", secret, log)
		}
	}
	for _, want := range []string{"instance_id=" + webID, `instance_id=""`, "peer=192.0.2.9:4321", "path=" + rolePath,
		"status=401", "status=403", "level=WARN", "level=INFO"} {
		if !strings.Contains(log, want) {
			t.Errorf("no %s in the log:\n%s", want, log)
		}
	}
}

func TestPanicIsLoggedWithoutHeaders(t *testing.T) {
	h := newHost(t)
	h.Put(web())
	c, tok := dial(t, h.listen(t, webID)), h.token(t, webID)
	h.breakClock()
	send(t, c, "GET /latest/ HTTP/1.1\r\n"+hostIP+"\r\n"+sessHeader+": "+tok+"\r\n\r\n")
	if !closed(bufio.NewReader(c)) {
		t.Error("the connection is open")
	}
	log := h.log.String()
	if !strings.Contains(log, "metadata server fault") || !strings.Contains(log, "the clock is broken") || strings.Contains(log, tok) {
		t.Errorf("logged: %s", log)
	}
}

// TestNoPathSpeaksToATerminal has a guest ask for what a terminal would take for commands
// (ECMA-48, of eight bits too) or show in another order, were it printed.
func TestNoPathSpeaksToATerminal(t *testing.T) {
	h := newHost(t)
	h.Put(web())
	for asked, want := range map[string]string{
		"/%1b[31m%c2%9b31m%7f%0d%0a":            "/%1B%5B31m%C2%9B31m%7F%0D%0A",
		"/%e2%80%ae%9b31m%ff":                   "/%E2%80%AE%9B31m%FF",
		"/" + strings.Repeat("%c2%9b", 100):     "/" + strings.Repeat("%C2%9B", 100)[:127],
		"/latest/meta-data/tags/instance/a+b@c": "/latest/meta-data/tags/instance/a+b@c",
	} {
		h.ask(t, webID, "GET "+asked+" HTTP/1.1", hostIP)
		if r, _ := h.LastRefusal(webID); r.Path != want {
			t.Errorf("%s is shown as %q, want %q", asked, r.Path, want)
		}
	}
}
