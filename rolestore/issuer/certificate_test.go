package issuer

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"
)

func TestTheCoresCertificateIsOfItsOwnAuthority(t *testing.T) {
	e := newEstate(t)
	now := time.Now()
	e.config.Now = func() time.Time { return now }
	c, err := e.Certificates()
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(c.Authority()) {
		t.Fatal("the authority is no PEM")
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{GetCertificate: c.Get})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	go func() {
		for conn, err := l.Accept(); err == nil; conn, err = l.Accept() {
			go func() { _ = conn.(*tls.Conn).Handshake() }()
		}
	}()
	dial := func(name string) (*x509.Certificate, error) {
		conn, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{RootCAs: roots, ServerName: name, Time: func() time.Time { return now }})
		if err != nil {
			return nil, err
		}
		defer func() { _ = conn.Close() }()
		return conn.ConnectionState().PeerCertificates[0], nil
	}
	for _, name := range []string{e.directory.Snapshot().CoreID(), "core.example", "localhost", "127.0.0.1"} {
		if _, err := dial(name); err != nil {
			t.Errorf("as %s: %v", name, err)
		}
	}
	if _, err := dial("192.0.2.1"); err == nil {
		t.Error("it is taken for an address that it does not have")
	}
	first, _ := dial("localhost")
	if again, _ := dial("localhost"); !again.Equal(first) {
		t.Error("each connection has a certificate of its own")
	}
	now = now.Add(certificateLife / 2)
	renewed, err := dial("localhost")
	if err != nil || renewed.Equal(first) || !renewed.NotAfter.After(first.NotAfter) {
		t.Errorf("after half its life the certificate is still the first (%v)", err)
	}
	now = now.Add(10 * certificateLife)
	if _, err := dial("localhost"); err != nil {
		t.Errorf("when the first has ended: %v", err)
	}
	for n := range 2 * maxCertificates {
		if _, err := c.Get(&tls.ClientHelloInfo{ServerName: fmt.Sprintf("n%d.example", n)}); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(c.made); n > maxCertificates {
		t.Errorf("%d certificates are kept", n)
	}
	if _, err := c.Get(&tls.ClientHelloInfo{ServerName: strings.Repeat("n", 10_000), Conn: new(net.TCPConn)}); err != nil {
		t.Errorf("a name without end: %v", err)
	}
}
