package sts

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/rolestore/issuer/directory"
	"github.com/rolecall/rolecall/rolestore/issuer/saml/samltest"
)

const (
	samlProviderARN = "arn:aws:iam::" + account + ":saml-provider/MySAMLIdP"

	trustsSAML = `"Effect":"Allow","Principal":{"Federated":"` + samlProviderARN + `"},"Action":["sts:AssumeRoleWithSAML","sts:TagSession","sts:SetSourceIdentity"]`
)

// samlWorld is a world with a provider, whose people may assume the role dev.
type samlWorld struct {
	*world
	idp *samltest.IDP
}

// newSAMLWorld has further roles.
func newSAMLWorld(t *testing.T, roles ...directory.RoleDefinition) *samlWorld {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	w := &samlWorld{idp: samltest.New(t, key)}
	dev := role("dev", statement(trustsSAML), allowAll)
	dev.MaxSessionDuration = 2 * time.Hour
	d := standard()
	d.Accounts[0].Roles = append(d.Accounts[0].Roles, append(roles, dev)...)
	d.Accounts[0].SAMLProviders = []directory.SAMLProviderDefinition{{Name: "MySAMLIdP", MetadataDocument: samltest.Metadata(w.idp.Cert)}}
	d.Accounts[1].Roles = append(d.Accounts[1].Roles, dev)
	w.world = newWorld(t, d)
	w.idp.Now = w.clock()
	return w
}

// attributes are XML, of names and values in turn. A name without a colon is one of
// AWS's, and a value with bars in it several.
func attributes(pairs ...string) string {
	escape := strings.NewReplacer("&", "&amp;", "<", "&lt;", `"`, "&quot;")
	var b strings.Builder
	for i := 0; i < len(pairs); i += 2 {
		name := pairs[i]
		if !strings.Contains(name, "://") && !strings.HasPrefix(name, "urn:") {
			name = samlAttribute + name
		}
		b.WriteString(`<saml:Attribute Name="` + name + `">`)
		for value := range strings.SplitSeq(pairs[i+1], "|") {
			b.WriteString(`<saml:AttributeValue>` + escape.Replace(value) + `</saml:AttributeValue>`)
		}
		b.WriteString(`</saml:Attribute>`)
	}
	return b.String()
}

// usual are the attributes that alice has; more come after them.
func usual(role string, more ...string) string {
	return attributes(append([]string{"Role", role + "," + samlProviderARN, "RoleSessionName", "alice@example.com"}, more...)...)
}

// assertion is a response with the attributes, edited before it is signed.
func (w *samlWorld) assertion(attributes string, edits ...string) string {
	w.idp.Attributes = attributes
	document := w.idp.Unsigned()
	for i := 0; i < len(edits); i += 2 {
		document = strings.Replace(document, edits[i], edits[i+1], 1)
	}
	return base64.StdEncoding.EncodeToString([]byte(w.idp.Fill(document, true, false, samltest.RSASHA256, samltest.SHA256)))
}

// redeem asks for a role by an assertion.
func (w *samlWorld) redeem(role, assertion string, pairs ...string) *httptest.ResponseRecorder {
	f := form("AssumeRoleWithSAML", append([]string{"RoleArn", role, "PrincipalArn", samlProviderARN, "SAMLAssertion", assertion}, pairs...)...)
	for name, values := range f {
		if values[0] == "-" { // leave it out
			f = without(f, name)
		}
	}
	return w.send(post(f))
}

func without(f url.Values, name string) url.Values {
	f.Del(name)
	return f
}
