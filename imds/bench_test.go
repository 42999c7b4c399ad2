package imds_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
)

// contender answers one request with one body: this server, and what it is
// measured against, a bare gin and a bare net/http handler.
type contender struct {
	name    string
	handler http.Handler
	address string
	request string          // as it goes over the wire
	context context.Context // of a connection, for requests in process
}

// contenders returns the three for a request, ours first.
func contenders(b testing.TB, request func(token string) string) [3]contender {
	h := newHost(b)
	h.Put(web())
	publish(h)
	text := request(h.token(b, webID))
	ours := contender{"rolecall", h.Handler(), h.listen(b, webID), text, h.connect(b.Context(), webID)}
	reply := []byte(body(b, h.askBy(b, ours.context, strings.Split(strings.TrimSpace(text), "\r\n")...)))

	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	answer := func(c *gin.Context) { c.Data(http.StatusOK, "text/plain", reply) }
	engine.GET(rolePath, answer)
	engine.PUT(tokenPath, answer)
	bare := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		_, _ = w.Write(reply)
	})
	all := [3]contender{ours, {name: "gin", handler: engine}, {name: "nethttp", handler: bare}}
	for i := range all[1:] {
		c := &all[i+1]
		s := httptest.NewServer(c.handler)
		b.Cleanup(s.Close)
		c.address, c.request, c.context = s.Listener.Addr().String(), text, b.Context()
	}
	return all
}

func getRole(token string) string {
	return "GET " + rolePath + " HTTP/1.1\r\n" + hostIP + "\r\n" + sessHeader + ": " + token + "\r\n\r\n"
}

func putToken(string) string {
	return "PUT " + tokenPath + " HTTP/1.1\r\n" + hostIP + "\r\n" + ttlHeader + ": 21600\r\nContent-Length: 0\r\n\r\n"
}

// sink takes replies in process. Its headers are used again, as the three set
// the same ones each time.
type sink struct{ header http.Header }

func (s sink) Header() http.Header       { return s.header }
func (sink) Write(p []byte) (int, error) { return len(p), nil }
func (sink) WriteHeader(int)             {}

// inProcess returns what calls the handler once.
func (c contender) inProcess(b testing.TB) func() {
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(c.request)))
	if err != nil {
		b.Fatal(err)
	}
	w := sink{make(http.Header)}
	r = r.WithContext(c.context)
	return func() { c.handler.ServeHTTP(w, r) }
}

// keepAlive returns what makes one request by an open connection. The client
// does as little as it can, or it would hide what is measured.
func (c contender) keepAlive(b testing.TB) func() {
	conn := dial(b, c.address)
	var reply []byte
	exchange := func() {
		if _, err := io.WriteString(conn, c.request); err != nil {
			b.Fatal(err)
		}
		if _, err := io.ReadFull(conn, reply); err != nil {
			b.Fatal(err)
		}
	}
	exchange()
	var raw bytes.Buffer
	resp, err := http.ReadResponse(bufio.NewReader(io.TeeReader(conn, &raw)), nil)
	if err != nil || resp.StatusCode != http.StatusOK {
		b.Fatalf("%s: %v, %v", c.name, resp, err)
	}
	_ = body(b, resp)
	reply = make([]byte, raw.Len())
	return exchange
}

// newConnection returns what makes one request by a connection of its own.
func (c contender) newConnection(b testing.TB) func() {
	request := strings.Replace(c.request, "\r\n\r\n", "\r\nConnection: close\r\n\r\n", 1)
	buf, dialer := make([]byte, 4096), new(net.Dialer)
	return func() {
		conn, err := dialer.DialContext(b.Context(), "tcp", c.address)
		if err != nil {
			b.Fatal(err)
		}
		_, err = io.WriteString(conn, request)
		for err == nil {
			_, err = conn.Read(buf)
		}
		if !errors.Is(err, io.EOF) {
			b.Fatal(err)
		}
		_ = conn.Close()
	}
}

var ways = []struct {
	name string
	once func(contender, testing.TB) func()
}{
	{"in-process", contender.inProcess},
	{"keep-alive", contender.keepAlive},
	{"new-connection", contender.newConnection},
}

func BenchmarkCredentials(b *testing.B) { benchmark(b, getRole) }
func BenchmarkToken(b *testing.B)       { benchmark(b, putToken) }

func benchmark(b *testing.B, request func(string) string) {
	for _, way := range ways {
		for i := range 3 {
			c := contenders(b, request)[i]
			b.Run(way.name+"/"+c.name, func(b *testing.B) {
				once := way.once(c, b)
				b.ReportAllocs()
				for b.Loop() {
					once()
				}
			})
		}
		b.Run(way.name+"/ratio", func(b *testing.B) { ratio(b, contenders(b, request), way.once) })
	}
}

// BenchmarkInstanceComesAndGoes has one instance come, be served a connection and
// go, beside others.
func BenchmarkInstanceComesAndGoes(b *testing.B) {
	for _, instances := range []int{10, 10_000} {
		b.Run(strconv.Itoa(instances), func(b *testing.B) {
			h := newHost(b)
			for n := range instances {
				i := web()
				i.ID = fmt.Sprintf("i-%017x", n)
				h.Put(i)
				h.Publish(i, credentials())
			}
			for b.Loop() {
				h.Put(web())
				publish(h)
				_ = h.connect(b.Context(), webID)
				h.Remove(webID)
			}
		})
	}
}

// BenchmarkAmongInstances is a warm GET of credentials by one instance beside none, 99 and
// 9,999 others, each of which is served at a listener of its own, by a connection that is
// kept and by one that is made for it: the rate as a part of that of the instance that is
// alone, in turns. All lookups are passed that there are: of the socket's instance, and of
// that in the store.
func BenchmarkAmongInstances(b *testing.B) {
	counts := [3]int{1, 100, 10_000}
	for _, way := range ways[1:] {
		b.Run(way.name, func(b *testing.B) {
			var all [3]contender
			for n, count := range counts {
				all[n] = among(b, count)
			}
			turns := inTurns(b, all, way.once)
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(turns[0]/turns[1], "x-of-1-among-100")
			b.ReportMetric(turns[0]/turns[2], "x-of-1-among-10000")
		})
	}
}

// among is a host's last instance of as many.
func among(b *testing.B, instances int) contender {
	h := newHost(b)
	listeners := make(joint, 1)
	b.Cleanup(func() { close(listeners) })
	var last contender
	for n := range instances {
		i := web()
		i.ID = fmt.Sprintf("i-%017x", n)
		h.Put(i)
		h.Publish(i, credentials())
		l, err := new(net.ListenConfig).Listen(b.Context(), "tcp", fmt.Sprintf("127.%d.%d.1:0", 64+n>>8, n&0xff))
		if err != nil {
			b.Fatal(err)
		}
		h.ids[l.Addr().String()] = i.ID
		b.Cleanup(func() { _ = l.Close() })
		go listeners.accept(l)
		last = contender{name: strconv.Itoa(instances), address: l.Addr().String(), request: getRole(h.token(b, i.ID))}
	}
	go func() { _ = h.Serve(listeners) }()
	return last
}

// joint is one listener of what many accept, as the agent's is.
type joint chan net.Conn

func (j joint) accept(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		j <- c
	}
}

func (j joint) Accept() (net.Conn, error) {
	if c, ok := <-j; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}
func (joint) Close() error   { return nil }
func (joint) Addr() net.Addr { return addr("joint") }

// ratio reports the rate of ours as a part of the others'.
func ratio(b *testing.B, all [3]contender, way func(contender, testing.TB) func()) {
	median := inTurns(b, all, way)
	b.ReportMetric(0, "ns/op") // of three servers at once
	b.ReportMetric(median[1]/median[0], "x-of-gin")
	b.ReportMetric(median[2]/median[0], "x-of-nethttp")
}

// inTurns asks the three in turns, so that whatever else the machine does meets
// all of them alike, and returns how long the median turn took, in seconds.
func inTurns(b *testing.B, all [3]contender, way func(contender, testing.TB) func()) (median [3]float64) {
	const turn = 20 // requests, so that the clock does not count
	var once [3]func()
	var turns [3][]time.Duration
	for i, c := range all {
		once[i] = way(c, b)
	}
	for b.Loop() {
		for i := range once {
			began := time.Now()
			for range turn {
				once[i]()
			}
			turns[i] = append(turns[i], time.Since(began))
		}
	}
	for i, t := range turns {
		slices.Sort(t)
		median[i] = t[len(t)/2].Seconds()
	}
	return median
}
