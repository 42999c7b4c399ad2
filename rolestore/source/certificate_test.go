package source

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// certificate is one of 127.0.0.1 by its own word, good until an instant.
func certificate(t *testing.T, until time.Time) tls.Certificate {
	t.Helper()
	key := newKey(t)
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotBefore:    until.Add(-time.Hour),
		NotAfter:     until,
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func TestCertificatesThatProveNothing(t *testing.T) {
	now := time.Now() // the certificate is judged by the machine's clock
	for name, test := range map[string]struct {
		until time.Time
		want  string
	}{
		"an unknown authority": {now.Add(time.Hour), "unknown authority"},
		"expired":              {now.Add(-time.Minute), "expired"},
		"not yet valid":        {now.Add(2 * time.Hour), "not yet valid"},
	} {
		t.Run(name, func(t *testing.T) {
			reached := false
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
			server.Config.ErrorLog = log.New(io.Discard, "", 0)
			server.TLS = &tls.Config{Certificates: []tls.Certificate{certificate(t, test.until)}}
			server.StartTLS()
			err := fetchFails(t, t.Context(), server.URL, server.Listener.Addr().String(), nil)
			server.Close()
			if !strings.Contains(err.Error(), test.want) || reached {
				t.Errorf("Fetch: %v, want %q; reached: %t", err, test.want, reached)
			}
		})
	}
}
