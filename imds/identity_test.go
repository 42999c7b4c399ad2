package imds_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rolecall/rolecall/imds"
	"github.com/rolecall/rolecall/imds/token"
	"github.com/rolecall/rolecall/rolestore"
	"github.com/rolecall/rolecall/rolestore/identity"
)

const (
	identityPath = "/latest/dynamic/instance-identity/"
	allSigned    = "document\npkcs7\nrsa2048\nsignature"
)

// signed is what a core might make of an instance's document. Nothing is verified here.
func signed(i rolestore.Instance) identity.Signed {
	return identity.Signed{Document: identity.Of(i).Text(), Signature: "c2ln\nbmVk", PKCS7: "MIIC\nAAAA"}
}

// expect asks for all that there may be of a document.
func (h *host) expect(t *testing.T, when, list, document, signature, pkcs7 string) {
	t.Helper()
	for name, want := range map[string]string{"": list, "document": document, "signature": signature, "pkcs7": pkcs7, "rsa2048": pkcs7} {
		resp := h.get(t, identityPath+name)
		if got := body(t, resp); resp.StatusCode != http.StatusOK && want != "" || resp.StatusCode == http.StatusOK && got != want {
			t.Errorf("%s: %s answers %s %q, want %q", when, name, resp.Status, got, want)
		}
		if want == "" && resp.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("%s: %s answers %s, want 503", when, name, resp.Status)
		}
	}
}

// TestWhatIsListedIsThere goes through the life of a document. A signature is never of
// another document than the one beside it.
func TestWhatIsListedIsThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // those that find nothing wait
		h := newHost(t)
		h.Put(web())
		text, s := identity.Of(web()).Text(), signed(web())
		h.expect(t, "not signed yet", "document", text, "", "")
		h.PublishIdentity(web(), s)
		h.expect(t, "signed", allSigned, text, s.Signature, s.PKCS7)
		publish(h)
		h.Withdraw(web())
		h.expect(t, "its credentials are revoked", allSigned, text, s.Signature, s.PKCS7)

		told := web()
		told.UserData = []byte("x")
		h.Put(told)
		h.expect(t, "something else of it has changed", allSigned, text, s.Signature, s.PKCS7)
		moved := told
		moved.Placement.Region = "eu-north-1"
		h.Put(moved)
		h.expect(t, "what the document says has changed", "document", identity.Of(moved).Text(), "", "")
		h.PublishIdentity(told, s)
		h.expect(t, "a signature comes that is too late", "document", identity.Of(moved).Text(), "", "")
		h.PublishIdentity(moved, signed(moved))
		h.expect(t, "signed again", allSigned, identity.Of(moved).Text(), s.Signature, s.PKCS7)
		h.WithdrawIdentity(moved)
		h.expect(t, "withdrawn", "document", identity.Of(moved).Text(), "", "")

		next := moved
		next.Incarnation = rolestore.Incarnation{2}
		h.Put(next)
		h.PublishIdentity(moved, signed(moved))
		h.expect(t, "the document of an earlier life", "document", identity.Of(next).Text(), "", "")
		h.Remove(webID)
		h.PublishIdentity(next, signed(next))
		if resp := h.ask(t, webID, "GET "+identityPath+"pkcs7 HTTP/1.1", hostIP); resp.StatusCode != http.StatusForbidden {
			t.Errorf("removed: %s", resp.Status)
		}
	})
}

// TestTheDocumentIsAnsweredAsItWasSigned, to the byte, though this host would word it in
// another way: the signatures are over what the core has rendered.
func TestTheDocumentIsAnsweredAsItWasSigned(t *testing.T) {
	h := newHost(t)
	h.Put(web())
	s := signed(web())
	s.Document = "{\n  \"version\" : \"2030-01-01\"\n}"
	h.PublishIdentity(web(), s)
	h.expect(t, "signed by a core of another version", allSigned, s.Document, s.Signature, s.PKCS7)
}

func TestASignatureIsWaitedFor(t *testing.T) {
	for name, tc := range map[string]awaited{
		"it comes":                         {identityPath + "pkcs7", 399 * time.Millisecond, func(h *host) { h.PublishIdentity(web(), signed(web())) }, 200},
		"another form of it, dated":        {"/2021-03-23/dynamic/instance-identity/rsa2048/", 399 * time.Millisecond, func(h *host) { h.PublishIdentity(web(), signed(web())) }, 200},
		"it comes too late":                {identityPath + "signature", 401 * time.Millisecond, func(h *host) { h.PublishIdentity(web(), signed(web())) }, 503},
		"another's comes":                  {identityPath + "signature", 100 * time.Millisecond, func(h *host) { h.PublishIdentity(db(), signed(db())) }, 503},
		"a name that there is not":         {identityPath + "pkcs8", time.Millisecond, func(*host) {}, 404},
		"a version that has no such thing": {"/2008-09-01/dynamic/instance-identity/pkcs7", time.Millisecond, func(*host) {}, 404},
		"a version that is none":           {"/2010-01-01/dynamic/instance-identity/pkcs7", time.Millisecond, func(*host) {}, 404},
	} {
		t.Run(name, tc.check)
	}
}

// TestWhereNobodySignsThereIsTheDocumentAlone is for an instance without a role, which is
// leased to nobody, and for a host whose issuer is no core.
func TestWhereNobodySignsThereIsTheDocumentAlone(t *testing.T) {
	none := web()
	none.Profile = rolestore.InstanceProfile{}
	tokens, err := token.NewKeys(token.Key{ID: 1, Secret: [token.KeySize]byte{1}})
	if err != nil {
		t.Fatal(err)
	}
	foreign := newHost(t)
	foreign.Server = imds.New(imds.Config{Identify: foreign.identify, Tokens: tokens, Now: foreign.clock})
	for name, c := range map[string]struct {
		host *host
		put  rolestore.Instance
	}{"no role": {newHost(t), none}, "another issuer": {foreign, web()}} {
		c.host.Put(c.put)
		for path, want := range map[string]int{"": 200, "document": 200, "signature": 404, "pkcs7": 404, "rsa2048": 404} {
			resp := c.host.get(t, identityPath+path)
			if text := body(t, resp); resp.StatusCode != want || path == "" && text != "document" {
				t.Errorf("%s: %s answers %s %q, want %d", name, path, resp.Status, text, want)
			}
		}
	}
}
