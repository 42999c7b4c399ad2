package imds_test

import (
	"bufio"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestWhatIsNoRequestIsRefusedAsEC2WouldAndTold has the refusals that are net/http's own
// answered in our words, counted, kept and told.
func TestWhatIsNoRequestIsRefusedAsEC2WouldAndTold(t *testing.T) {
	for name, tc := range map[string]struct {
		sent   string
		status int
		reason string
	}{
		"large headers":       {"GET / HTTP/1.1\r\n" + hostIP + "\r\nX-Large: " + strings.Repeat("x", 16<<10) + "\r\n\r\n", 431, "too large"},
		"no HTTP":             {"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", 400, "no HTTP"},
		"no Host":             {"GET / HTTP/1.1\r\n\r\n", 400, "no HTTP"},
		"HEAD in HTTP/0.0":    {"HEAD / HTTP/0.0\r\n" + hostIP + "\r\n\r\n", 505, "no HTTP"},
		"two Hosts":           {"GET / HTTP/1.1\r\n" + hostIP + "\r\nHost: other\r\n\r\n", 400, "no HTTP"},
		"HTTP/2":              {"GET / HTTP/2.0\r\n" + hostIP + "\r\n\r\n", 505, "no HTTP"},
		"an unknown coding":   {"PUT / HTTP/1.1\r\n" + hostIP + "\r\nTransfer-Encoding: gzip\r\n\r\n", 501, "no HTTP"},
		"another expectation": {"GET / HTTP/1.1\r\n" + hostIP + "\r\nExpect: mercy\r\n\r\n", 417, "expects"},
	} {
		t.Run(name, func(t *testing.T) {
			h, c, r := connected(t)
			// The first request of the connection is well, and counts for nothing.
			send(t, c, "GET / HTTP/1.1\r\n"+hostIP+"\r\n"+sessHeader+": "+h.token(t, webID)+"\r\n\r\n")
			if resp, _ := read(t, r, "GET"); resp.StatusCode != http.StatusOK {
				t.Fatalf("got %s", resp.Status)
			}
			_, _ = io.WriteString(c, tc.sent)
			resp, text := read(t, r, "GET")
			if resp.StatusCode != tc.status || resp.Header.Get("Server") != "EC2ws" || !resp.Close || resp.Header.Get("Date") == "" || text != "" {
				t.Errorf("got %s, %v, %q", resp.Status, resp.Header, text)
			}
			last, _ := h.LastRefusal(webID)
			if last.Status != tc.status || !strings.Contains(last.Reason, tc.reason) || last.Peer != c.LocalAddr().String() {
				t.Errorf("the last refusal is %+v", last)
			}
			if n := h.Calls(webID).Unread; n != 1 {
				t.Errorf("%d are counted", n)
			}
			if log := h.log.String(); strings.Count(log, "refused") != 1 || !strings.Contains(log, webID) {
				t.Errorf("the log has %s", log)
			}
		})
	}
}

// TestSlowSendersAreTold counts who sends nothing, or does not go on, and nobody else.
func TestSlowSendersAreTold(t *testing.T) {
	for name, tc := range map[string]struct {
		send string
		told uint64
	}{
		"nothing":              {"", 1},
		"half a header":        {"GET / HTTP/1.1\r\nHost: 169.", 1},
		"a request, then idle": {"GET / HTTP/1.1\r\n" + hostIP + "\r\n\r\n", 0},
		"a request, then half": {"GET / HTTP/1.1\r\n" + hostIP + "\r\n\r\nGET / HT", 1},
		"a body that lacks a byte": {"PUT " + tokenPath + " HTTP/1.1\r\n" + hostIP + "\r\n" + ttlHeader +
			": 60\r\nContent-Length: 1\r\n\r\n", 1},
		"a body, and the end": {"PUT " + tokenPath + " HTTP/1.1\r\n" + hostIP + "\r\n" + ttlHeader +
			": 60\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n1\r\nx\r\n0\r\n\r\n", 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, client := piped(t)
				go func() { _, _ = io.WriteString(client, tc.send) }()
				_, _ = io.Copy(io.Discard, client)
				synctest.Wait() // until the server has noticed
				if n := h.Calls(webID).Unread; n != tc.told {
					t.Errorf("%d are counted, want %d", n, tc.told)
				}
				if last, _ := h.LastRefusal(webID); (tc.told > 0) != (last.Status == http.StatusRequestTimeout) {
					t.Errorf("the last refusal is %+v", last)
				}
			})
		})
	}
}

// TestWhoDoesNotReadIsNotSlowToSend has a whole request, and a reply that nobody takes.
func TestWhoDoesNotReadIsNotSlowToSend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, client := piped(t)
		send(t, client, "GET / HTTP/1.1\r\n"+hostIP+"\r\n\r\n")
		time.Sleep(time.Minute) // of the bubble's clock
		_, _ = io.Copy(io.Discard, client)
		synctest.Wait()
		if n := h.Calls(webID).Unread; n != 0 {
			t.Errorf("%d are counted", n)
		}
	})
}

// TestNobodysNonsenseIsTold has the log tell of what comes from no instance.
func TestNobodysNonsenseIsTold(t *testing.T) {
	h := newHost(t)
	c := dial(t, h.listen(t, ""))
	send(t, c, "nonsense\r\n\r\n")
	if resp, _ := read(t, bufio.NewReader(c), "GET"); resp.StatusCode != http.StatusBadRequest || resp.Header.Get("Server") != "EC2ws" {
		t.Errorf("got %s, %v", resp.Status, resp.Header)
	}
	if log := h.log.String(); !strings.Contains(log, "no HTTP") {
		t.Errorf("the log has %q", log)
	}
}
