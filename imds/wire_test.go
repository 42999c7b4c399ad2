package imds_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// connected returns a raw socket to a web instance with credentials.
func connected(t *testing.T) (*host, net.Conn, *bufio.Reader) {
	t.Helper()
	h := newHost(t)
	h.Put(web())
	publish(h)
	c := dial(t, h.listen(t, webID))
	return h, c, bufio.NewReader(c)
}

func send(t *testing.T, c net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
}

// read returns the next reply, with its body in place of the reader.
func read(t *testing.T, r *bufio.Reader, method string) (*http.Response, string) {
	t.Helper()
	req, _ := http.NewRequestWithContext(t.Context(), method, "/", nil)
	resp, err := http.ReadResponse(r, req)
	if err != nil {
		t.Fatal(err)
	}
	return resp, body(t, resp)
}

// closed reports whether the other side has ended the connection.
func closed(r *bufio.Reader) bool {
	_, err := r.ReadByte()
	return err != nil
}

func TestHTTP10IsAnsweredInKind(t *testing.T) {
	h, c, r := connected(t)
	send(t, c, "GET /latest/meta-data/instance-id HTTP/1.0\r\n"+sessHeader+": "+h.token(t, webID)+"\r\n\r\n")
	line, _ := r.Peek(len("HTTP/1.0 200 OK"))
	if string(line) != "HTTP/1.0 200 OK" {
		t.Errorf("got %q", line)
	}
	if _, text := read(t, r, "GET"); text != webID || !closed(r) {
		t.Errorf("got %q and an open connection", text)
	}
}

// TestExpectGets417AndNo100, be the length of the body told or not. To read a chunked one
// would be to ask for it.
func TestExpectGets417AndNo100(t *testing.T) {
	for _, length := range []string{"Content-Length: 4", "Transfer-Encoding: chunked"} {
		_, c, r := connected(t)
		send(t, c, "PUT "+tokenPath+" HTTP/1.1\r\n"+hostIP+"\r\n"+ttlHeader+": 60\r\n"+length+"\r\nExpect: 100-continue\r\n\r\n")
		if resp, _ := read(t, r, "PUT"); resp.StatusCode != http.StatusExpectationFailed {
			t.Errorf("%s: got %s", length, resp.Status)
		}
		send(t, c, "body")
		if !closed(r) { // or what follows might be taken for a request
			t.Errorf("%s: the connection is open", length)
		}
	}
}

func TestLargeHeadersAreRefused(t *testing.T) {
	_, c, r := connected(t)
	_, _ = io.WriteString(c, "GET / HTTP/1.1\r\n"+hostIP+"\r\nX-Large: "+strings.Repeat("x", 16<<10)+"\r\n\r\n")
	if resp, _ := read(t, r, "GET"); resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("got %s", resp.Status)
	}
}

func TestPipelinedRequestsAreAnsweredInOrder(t *testing.T) {
	h, c, r := connected(t)
	token := sessHeader + ": " + h.token(t, webID)
	var text strings.Builder
	paths := []string{"/latest/meta-data/instance-id", "/nowhere", listPath, rolePath}
	for _, path := range paths {
		text.WriteString("GET " + path + " HTTP/1.1\r\n" + hostIP + "\r\n" + token + "\r\n\r\n")
	}
	send(t, c, text.String())
	for i, want := range []string{webID, "", "web-role", credentialsText} {
		if _, got := read(t, r, "GET"); want != "" && got != want {
			t.Errorf("%s: got %q", paths[i], got)
		}
	}
}

func TestOneConnectionServesAnSDK(t *testing.T) {
	_, c, r := connected(t)
	send(t, c, "PUT "+tokenPath+" HTTP/1.1\r\n"+hostIP+"\r\n"+ttlHeader+": 60\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
	_, token := read(t, r, "PUT")
	for _, method := range []string{"GET", "HEAD", "GET"} {
		send(t, c, method+" "+rolePath+" HTTP/1.1\r\n"+hostIP+"\r\n"+sessHeader+": "+token+"\r\n\r\n")
		resp, text := read(t, r, method)
		if resp.ContentLength != int64(len(credentialsText)) || method == "GET" && text != credentialsText || method == "HEAD" && text != "" {
			t.Errorf("%s: length %d, %q", method, resp.ContentLength, text)
		}
	}
	// 403 and 401 leave the connection open, as on EC2.
	for _, lines := range []string{"\r\nOrigin: x", "\r\n" + sessHeader + ": x"} {
		send(t, c, "GET / HTTP/1.1\r\n"+hostIP+lines+"\r\n\r\n")
		if resp, _ := read(t, r, "GET"); resp.Close {
			t.Errorf("%s closes", resp.Status)
		}
	}
}

func TestSocketOfNobodyIsClosed(t *testing.T) {
	h := newHost(t)
	c := dial(t, h.listen(t, ""))
	r := bufio.NewReader(c)
	send(t, c, "PUT "+tokenPath+" HTTP/1.1\r\n"+hostIP+"\r\n"+ttlHeader+": 60\r\n\r\n")
	if resp, _ := read(t, r, "PUT"); resp.StatusCode != http.StatusForbidden || !closed(r) {
		t.Errorf("got %s and an open connection", resp.Status)
	}
	if !strings.Contains(h.log.String(), "the socket belongs to no instance") {
		t.Errorf("not logged: %s", h.log)
	}
}

func TestShutdownEndsServe(t *testing.T) {
	h := newHost(t)
	h.Put(web())
	address := h.listen(t, webID)
	mint(t, address)
	if err := h.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if c, err := new(net.Dialer).DialContext(t.Context(), "tcp", address); err == nil {
		_ = c.Close()
		t.Error("still listening")
	}
}

func TestOptionsOfTheServerPassTheGate(t *testing.T) {
	_, c, r := connected(t)
	send(t, c, "OPTIONS * HTTP/1.1\r\nHost: example.com\r\n\r\n")
	if resp, _ := read(t, r, "OPTIONS"); resp.StatusCode != http.StatusForbidden {
		t.Errorf("got %s", resp.Status)
	}
}

// TestALongBodyIsNotRead has the connection end behind the reply to a request with more of
// a body than anybody needs, whether its length is told or not.
func TestALongBodyIsNotRead(t *testing.T) {
	chunked := func(n int) string {
		return fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", n, strings.Repeat("x", n))
	}
	told := func(n int) string {
		return fmt.Sprintf("Content-Length: %d\r\n\r\n%s", n, strings.Repeat("x", n))
	}
	for name, tc := range map[string]struct {
		rest  string
		close bool
	}{
		"none":                {"\r\n", false},
		"4 KiB":               {told(4 << 10), false},
		"4 KiB, chunked":      {chunked(4 << 10), false},
		"more":                {told(4<<10 + 1), true},
		"more, chunked":       {chunked(4<<10 + 1), true},
		"100 KiB":             {told(100 << 10), true},
		"100 KiB, chunked":    {chunked(100 << 10), true},
		"no end, and no more": {"Content-Length: 100000\r\n\r\n", true},
	} {
		t.Run(name, func(t *testing.T) {
			_, c, r := connected(t)
			go func() {
				_, _ = io.WriteString(c, "PUT "+tokenPath+" HTTP/1.1\r\n"+hostIP+"\r\n"+ttlHeader+": 60\r\n"+tc.rest)
			}()
			if resp, _ := read(t, r, "PUT"); resp.StatusCode != 200 || resp.Close != tc.close {
				t.Errorf("got %s, and the connection ends: %t", resp.Status, resp.Close)
			}
		})
	}
}
