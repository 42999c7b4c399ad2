package verify_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// program is one of others' that .ci/deps-go builds. The test is skipped if it is not
// there.
func program(t testing.TB, name string) string {
	t.Helper()
	dir := os.Getenv("ROLECALL_TEST_CACHE")
	if dir == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			t.Fatalf("%v: name a directory by ROLECALL_TEST_CACHE", err)
		}
		dir = filepath.Join(user, "rolecall-test")
	}
	path := filepath.Join(dir, "bin", name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("needs %s: .ci/deps-go builds it", path)
	}
	return path
}

// authority is a certificate that is its own authority, in files.
type authority struct {
	certificate, key string
	pair             tls.Certificate
}

// newAuthority makes one for this machine, and for names.
func newAuthority(t testing.TB, names ...string) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, DNSNames: names, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, kind string, der []byte) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return authority{write("crt.pem", "CERTIFICATE", der), write("key.pem", "PRIVATE KEY", private), tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}}
}

// transport trusts nobody else.
func (a authority) transport() *http.Transport {
	roots := x509.NewCertPool()
	if leaf, err := x509.ParseCertificate(a.pair.Certificate[0]); err == nil {
		roots.AddCert(leaf)
	}
	return &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
}

// amazon is the core by names of AWS's, for programs that know no other: a listener with
// a certificate of an authority of our own, and the proxy that leads there.
type amazon struct {
	authority
	proxy  string
	client *http.Client
}

func (w *world) amazon(t testing.TB, names ...string) amazon {
	t.Helper()
	a := amazon{authority: newAuthority(t, names...)}
	server := httptest.NewUnstartedServer(w.Public().Handler)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{a.pair}}
	server.StartTLS()
	t.Cleanup(server.Close)
	proxy := httptest.NewServer(connect(server.Listener.Addr().String()))
	t.Cleanup(proxy.Close)
	at, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	transport := a.transport()
	transport.Proxy = http.ProxyURL(at)
	a.proxy, a.client = proxy.URL, &http.Client{Transport: transport}
	return a
}

// connect is a proxy (RFC 9110 section 9.3.6) that leads to one address, whatever is asked.
func connect(address string) http.Handler {
	return http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect {
			http.Error(out, "want CONNECT", http.StatusMethodNotAllowed)
			return
		}
		var dialer net.Dialer
		server, err := dialer.DialContext(r.Context(), "tcp", address)
		if err != nil {
			http.Error(out, err.Error(), http.StatusBadGateway)
			return
		}
		defer func() { _ = server.Close() }()
		client, buffered, err := http.NewResponseController(out).Hijack()
		if err != nil {
			return
		}
		defer func() { _ = client.Close() }()
		_, _ = client.Write([]byte("HTTP/1.1 200 OK\r\n\r\n"))
		ended := make(chan struct{}, 2)
		pipe := func(to io.Writer, from io.Reader) {
			_, _ = io.Copy(to, from)
			ended <- struct{}{}
		}
		go pipe(server, buffered)
		go pipe(client, server)
		<-ended
	})
}
