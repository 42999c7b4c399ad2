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

// amazon is the core by names of AWS's, for programs that know no other: a listener with
// a certificate of an authority of our own, and the proxy that leads there.
type amazon struct {
	authority string // the file with its certificate
	proxy     string
	client    *http.Client
}

func (w *world) amazon(t testing.TB, names ...string) amazon {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, DNSNames: names,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(w.Public().Handler)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	server.StartTLS()
	t.Cleanup(server.Close)
	proxy := httptest.NewServer(connect(server.Listener.Addr().String()))
	t.Cleanup(proxy.Close)

	a := amazon{authority: filepath.Join(t.TempDir(), "ca.pem"), proxy: proxy.URL}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	if err := os.WriteFile(a.authority, text, 0o600); err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(text)
	at, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	a.client = &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(at), TLSClientConfig: &tls.Config{RootCAs: roots}}}
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
