package sts

import (
	"bufio"
	"bytes"
	"compress/flate"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/rolestore"
	"github.com/rolecall/rolecall/rolestore/issuer/directory"
	"github.com/rolecall/rolecall/rolestore/issuer/saml/samltest"
)

// realIDP is an identity provider's program, with a directory of its own and a key.
type realIDP struct {
	t    *testing.T
	dir  string
	url  string
	key  *rsa.PrivateKey
	port string
}

func newRealIDP(t *testing.T) *realIDP {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	p := &realIDP{t: t, dir: t.TempDir(), key: key, port: port, url: "http://127.0.0.1:" + port}
	p.write("idp.key", pemOf("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key)))
	p.write("idp.crt", pemOf("CERTIFICATE", samltest.Certificate(t, key)))
	return p
}

func pemOf(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func (p *realIDP) write(name, text string) {
	p.t.Helper()
	path := filepath.Join(p.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

// start runs the program until the test ends, and waits until it says that it started.
func (p *realIDP) start(c *exec.Cmd) {
	p.t.Helper()
	out, err := c.StderrPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		p.t.Fatal(err)
	}
	var said bytes.Buffer
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		said.WriteString(lines.Text() + "\n")
		if strings.Contains(lines.Text(), "started") {
			go func() { _, _ = io.Copy(io.Discard, out) }()
			p.t.Cleanup(func() {
				_ = c.Process.Kill()
				_ = c.Wait()
			})
			return
		}
	}
	p.t.Fatalf("%s: %v\n%s", c.Path, c.Wait(), said.String())
}

// visit is a person's browser, which keeps cookies and goes where it is sent.
type visit struct {
	t      *testing.T
	client *http.Client
	at     *url.URL
	page   string
}

func newVisit(t *testing.T) *visit {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &visit{t: t, client: &http.Client{Jar: jar, Timeout: time.Minute}}
}

func (v *visit) open(method, address string, form url.Values) string {
	v.t.Helper()
	r, err := http.NewRequestWithContext(v.t.Context(), method, address, strings.NewReader(form.Encode()))
	if err != nil {
		v.t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	response, err := v.client.Do(r)
	if err != nil {
		v.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	page, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		v.t.Fatalf("%s: %s %v\n%s", address, response.Status, err, page)
	}
	v.at, v.page = response.Request.URL, string(page)
	return v.page
}

// hidden is the value of a hidden field of the page.
func (v *visit) hidden(name string) string {
	v.t.Helper()
	for _, input := range regexp.MustCompile(`(?s)<input[^>]*>`).FindAllString(v.page, -1) {
		if strings.Contains(input, `name="`+name+`"`) {
			return html.UnescapeString(regexp.MustCompile(`(?s)value="([^"]*)"`).FindStringSubmatch(input)[1])
		}
	}
	v.t.Fatalf("%s has no field %s:\n%s", v.at, name, v.page)
	return ""
}

// trusting is a world that knows providers, and a role that trusts each by its name.
func trusting(t *testing.T, providers ...directory.SAMLProviderDefinition) *samlWorld {
	t.Helper()
	d := standard()
	d.Accounts[0].SAMLProviders = providers
	for _, p := range providers {
		trust := strings.Replace(trustsSAML, "MySAMLIdP", p.Name, 1)
		d.Accounts[0].Roles = append(d.Accounts[0].Roles, role(p.Name, statement(trust+`,"Condition":{"StringEquals":{"SAML:aud":"`+ownURL+`/saml"}}`)))
	}
	return &samlWorld{world: newWorld(t, d)}
}

// signsIn wants the response to be good for the role of the provider's name.
func (w *samlWorld) signsIn(t *testing.T, provider, response string) {
	t.Helper()
	w.advance(time.Since(w.clock()))
	got := w.send(post(form("AssumeRoleWithSAML", "RoleArn", roleARN(account, provider), "PrincipalArn", "arn:aws:iam::"+account+":saml-provider/"+provider, "SAMLAssertion", response)))
	if got.Code != http.StatusOK {
		t.Fatalf("%s\n%s", got.Body, w.logged())
	}
	c := bought(t, got)
	identity := w.send(w.signed(t, c, form("GetCallerIdentity")))
	if want := ":assumed-role/" + provider + "/alice<"; !strings.Contains(identity.Body.String(), want) {
		t.Errorf("the session is not %s: %s", want, identity.Body)
	}
	if !strings.Contains(got.Body.String(), "<Subject>alice<") || !strings.Contains(got.Body.String(), "<SubjectType>persistent<") {
		t.Errorf("it is for %s", got.Body)
	}
}

// asksFor is an AuthnRequest of ours, as it stands in a URL (saml-bindings-2.0-os section 3.4).
func asksFor(t *testing.T, audience string) string {
	t.Helper()
	var packed bytes.Buffer
	w, err := flate.NewWriter(&packed, flate.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = fmt.Fprintf(w, `<samlp:AuthnRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" ID="_q1" Version="2.0" IssueInstant="%s" AssertionConsumerServiceURL="%s/saml"><saml:Issuer xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion">%s</saml:Issuer></samlp:AuthnRequest>`,
		time.Now().UTC().Format(time.RFC3339), ownURL, audience)
	_ = w.Close()
	return url.QueryEscape(base64.StdEncoding.EncodeToString(packed.Bytes()))
}

func TestPySAML2SignsAPersonIn(t *testing.T) {
	if exec.CommandContext(t.Context(), "/usr/bin/python3", "-c", "import saml2").Run() != nil {
		t.Skip("python3-pysaml2 is not installed: as root, .ci/deps does that")
	}
	p := newRealIDP(t)
	const name = "pysaml2"
	p.start(exec.CommandContext(t.Context(), "/usr/bin/python3", "../../../testdata/saml/pysaml2.py", p.dir, p.port, ownURL+"/saml", ownURL,
		roleARN(account, name)+",arn:aws:iam::"+account+":saml-provider/"+name))
	v := newVisit(t)
	w := trusting(t, directory.SAMLProviderDefinition{Name: name, MetadataDocument: v.open(http.MethodGet, p.url+"/metadata", nil)})
	v.open(http.MethodGet, p.url+"/sso?SAMLRequest="+asksFor(t, ownURL), nil)
	v.open(http.MethodPost, p.url+"/sso", url.Values{"username": {"alice"}, "password": {"alicepass"}, "SAMLRequest": {v.hidden("SAMLRequest")}})
	w.signsIn(t, name, v.hidden("SAMLResponse"))
}

// simpleSAML has alice, whose roles are those of both providers.
const simpleSAML = `<?php
$config = ['example-userpass' => ['exampleauth:UserPass', 'alice:alicepass' => ['uid' => ['alice'],
 'https://aws.amazon.com/SAML/Attributes/Role' => ['ROLE/open,PROVIDER/open', 'PROVIDER/sealed,ROLE/sealed'],
 'https://aws.amazon.com/SAML/Attributes/RoleSessionName' => ['alice']]]];`

// newSimpleSAML is Debian's SimpleSAMLphp, which knows us by two names: as the second we
// get assertions encrypted.
func newSimpleSAML(t *testing.T, encryptFor []byte) *realIDP {
	t.Helper()
	if _, err := os.Stat("/usr/share/simplesamlphp/www"); err != nil {
		t.Skip("simplesamlphp is not installed: as root, .ci/deps does that")
	}
	p := newRealIDP(t)
	fill := strings.NewReplacer("DIR", p.dir, "URL", p.url, "OWN", ownURL, "ROLE", "arn:aws:iam::"+account+":role", "PROVIDER", "arn:aws:iam::"+account+":saml-provider").Replace
	p.write("config/config.php", fill(`<?php
$config = ['baseurlpath' => 'URL/', 'certdir' => 'DIR/', 'loggingdir' => 'DIR/', 'datadir' => 'DIR/', 'tempdir' => 'DIR/', 'metadatadir' => 'DIR/metadata/', 'secretsalt' => 'test',
 'auth.adminpassword' => 'admin', 'technicalcontact_email' => 'na@example.org', 'timezone' => 'UTC', 'enable.saml20-idp' => true, 'store.type' => 'phpsession',
 'session.phpsession.savepath' => 'DIR', 'session.cookie.secure' => false, 'session.cookie.samesite' => null, 'language.default' => 'en', 'language.available' => ['en'],
 'logging.handler' => 'file', 'logging.logfile' => 'ssp.log', 'logging.level' => SimpleSAML\Logger::INFO, 'module.enable' => ['exampleauth' => true, 'core' => true, 'saml' => true],
 'authproc.idp' => [], 'authproc.sp' => [], 'metadata.sources' => [['type' => 'flatfile', 'directory' => 'DIR/metadata/']], 'theme.use' => 'default', 'production' => false,
 'admin.checkforupdates' => false, 'trusted.url.domains' => []];`))
	p.write("config/authsources.php", fill(simpleSAML))
	p.write("metadata/saml20-idp-hosted.php", fill(`<?php
$metadata['URL/idp'] = ['host' => '__DEFAULT__', 'privatekey' => 'idp.key', 'certificate' => 'idp.crt', 'auth' => 'example-userpass',
 'attributes.NameFormat' => 'urn:oasis:names:tc:SAML:2.0:attrname-format:uri', 'signature.algorithm' => 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256'];`))
	const party = `'AssertionConsumerService' => [['Binding' => 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST', 'Location' => 'OWN/saml', 'index' => 0]],
 'NameIDFormat' => 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent', 'simplesaml.nameidattribute' => 'uid', 'simplesaml.attributes' => true,
 'saml20.sign.assertion' => true, 'saml20.sign.response' => true`
	p.write("metadata/saml20-sp-remote.php", fill("<?php\n$metadata['OWN'] = ["+party+"];\n$metadata['OWN/sealed'] = ["+party+", 'assertion.encryption' => true, 'certificate' => 'sp.crt'];"))
	p.write("sp.crt", pemOf("CERTIFICATE", encryptFor))
	c := exec.CommandContext(t.Context(), "php", "-d", "display_errors=0", "-d", "error_reporting=22527", "-S", "127.0.0.1:"+p.port, "-t", "/usr/share/simplesamlphp/www")
	c.Env = append(c.Environ(), "SIMPLESAMLPHP_CONFIG_DIR="+p.dir+"/config")
	p.start(c)
	return p
}

func TestSimpleSAMLphpSignsAPersonIn(t *testing.T) {
	own, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p := newSimpleSAML(t, samltest.Certificate(t, own))
	v := newVisit(t)
	metadata := v.open(http.MethodGet, p.url+"/saml2/idp/metadata.php", nil)
	w := trusting(t,
		directory.SAMLProviderDefinition{Name: "open", MetadataDocument: metadata},
		directory.SAMLProviderDefinition{Name: "sealed", MetadataDocument: metadata, Audiences: []string{ownURL + "/sealed"}, AssertionEncryptionMode: directory.EncryptionRequired,
			PrivateKeys: []rolestore.Secret{rolestore.NewSecret(pemOf("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(own)))}})

	v.open(http.MethodGet, p.url+"/saml2/idp/SSOService.php?SAMLRequest="+asksFor(t, ownURL), nil) // we began
	v.open(http.MethodPost, v.at.String(), url.Values{"username": {"alice"}, "password": {"alicepass"}, "AuthState": {v.hidden("AuthState")}})
	plain := v.hidden("SAMLResponse")
	w.signsIn(t, "open", plain)

	v = newVisit(t)
	v.open(http.MethodGet, p.url+"/saml2/idp/SSOService.php?spentityid="+url.QueryEscape(ownURL+"/sealed"), nil) // it began
	v.open(http.MethodPost, v.at.String(), url.Values{"username": {"alice"}, "password": {"alicepass"}, "AuthState": {v.hidden("AuthState")}})
	w.signsIn(t, "sealed", v.hidden("SAMLResponse"))

	refusedAs(t, w.send(post(form("AssumeRoleWithSAML", "RoleArn", roleARN(account, "sealed"), "PrincipalArn", "arn:aws:iam::"+account+":saml-provider/sealed", "SAMLAssertion", plain))),
		http.StatusBadRequest, "InvalidIdentityToken", "must be encrypted")
}
