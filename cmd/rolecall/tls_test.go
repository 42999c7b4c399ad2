package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

// writeCertificate writes a certificate for localhost, signed by itself, and its key.
func (h *house) writeCertificate(name string) {
	h.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		h.t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{"localhost", "core.example"},
		IPAddresses: []net.IP{net.IPv4(10, 9, 0, 1)}, NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		h.t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		h.t.Fatal(err)
	}
	h.write("core.key", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))
	h.write("core.crt", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
}

// certificateOf is whose certificate the listener shows.
func (h *house) certificateOf(address string, config *tls.Config) (name string, err error) {
	h.ns.Do(func() {
		var conn *tls.Conn
		if conn, err = tls.Dial("tcp", address, config); err == nil {
			name = conn.ConnectionState().PeerCertificates[0].Subject.CommonName
			_ = conn.Close()
		}
	})
	return name, err
}

// TestACertificateOfFiles serves hosts and is replaced while the core runs.
func TestACertificateOfFiles(t *testing.T) {
	s, core := newSite(t, 1)
	core.stop()
	s.writeCertificate("first")
	core = s.start(nil, "core", "--issuer-listen", "0.0.0.0:8473", "--tls-cert", s.path("core.crt"), "--tls-key", s.path("core.key"))
	core.waitFor("core is ready")
	h := s.hosts[0]
	token := s.token("123456789012")
	if _, errs, ok := h.tryJoin(remoteURL, token); ok || !strings.Contains(errs, "certificate") {
		t.Errorf("a certificate of nobody's is trusted: %q", errs)
	}
	if out, errs, ok := h.tryJoin(remoteURL, token, "--ca-file", s.path("core.crt")); !ok {
		t.Fatalf("join: %s%s", out, errs)
	}
	h.agent()

	insecure := &tls.Config{InsecureSkipVerify: true}
	if name, err := s.certificateOf("10.9.0.1:8473", insecure); name != "first" {
		t.Errorf("the certificate is that of %q (%v)", name, err)
	}
	s.write("core.crt", "half written")
	if name, err := s.certificateOf("10.9.0.1:8473", insecure); name != "first" {
		t.Errorf("with a broken file the certificate is that of %q (%v)", name, err)
	}
	core.waitFor("the new certificate cannot be used")
	s.writeCertificate("second, of another length")
	if name, err := s.certificateOf("10.9.0.1:8473", insecure); name != "second, of another length" {
		t.Errorf("the certificate is that of %q (%v)", name, err)
	}
	if err := os.Remove(s.path("core.key")); err != nil {
		t.Fatal(err)
	}
	if name, err := s.certificateOf("10.9.0.1:8473", insecure); name != "second, of another length" {
		t.Errorf("without a key the certificate is that of %q (%v)", name, err)
	}
	old := &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS11}
	if _, err := s.certificateOf("10.9.0.1:8473", old); err == nil {
		t.Error("TLS 1.1 is spoken")
	}
}

func TestListeningOffLoopbackNeedsTLS(t *testing.T) {
	h := newHouse(t)
	h.write("no.pem", "no PEM")
	for _, test := range []struct {
		args []string
		say  string
	}{
		{[]string{"--issuer-listen", "0.0.0.0:8473"}, "--tls-auto"},
		{[]string{"--issuer-listen", "[::]:8473"}, "--tls-cert"},
		{[]string{"--issuer-listen", "10.9.0.1:8473"}, "use 127.0.0.1:8473"},
		{[]string{"--issuer-listen", "0.0.0.0:8473", "--tls-cert", "x"}, "belong together"},
		{[]string{"--issuer-listen", "0.0.0.0:8473", "--tls-key", "x"}, "belong together"},
		{[]string{"--issuer-listen", "0.0.0.0:8473", "--tls-auto", "--tls-cert", "x", "--tls-key", "x"}, "leave it out"},
		{[]string{"--issuer-listen", "0.0.0.0:8473", "--tls-cert", "/nowhere", "--tls-key", "/nowhere"}, "/nowhere"},
		{[]string{"--issuer-listen", "0.0.0.0:8473", "--tls-cert", h.path("no.pem"), "--tls-key", h.path("no.pem")}, "no.pem"},
	} {
		if out, errs, ok := h.run("core", test.args...); ok || !strings.Contains(errs, test.say) {
			t.Errorf("core %v: %s%s, want %q", test.args, out, errs, test.say)
		}
	}
}

// TestUpOverTLSPrintsWhatWorks pastes the command that `up` prints for the AWS CLI.
func TestUpOverTLSPrintsWhatWorks(t *testing.T) {
	h := newHouse(t)
	p := h.up("--issuer-listen", "0.0.0.0:8473", "--tls-auto")
	var command string
	for line := range strings.Lines(p.output.String()) {
		if strings.Contains(line, "aws sts get-caller-identity") {
			command = strings.TrimSpace(line)
		}
	}
	if !strings.HasPrefix(command, "AWS_CA_BUNDLE=") || !strings.Contains(command, "https://127.0.0.1:8473") {
		t.Fatalf("up prints %q", command)
	}
	cmd := h.ns.Command(t.Context(), "/bin/sh", "-c", command+" --query Arn --output text")
	cmd.Env = emptyConfiguration(t)
	if arn, err := cmd.CombinedOutput(); err != nil || !hostARN.MatchString(strings.TrimSpace(string(arn))) {
		t.Errorf("%s says %s (%v)", command, arn, err)
	}
}
