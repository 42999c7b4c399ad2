package hold

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/rolestore"
	"github.com/rolecall/rolecall/rolestore/identity"
)

func testDocument(i rolestore.Instance) SignedDocument {
	return SignedDocument{Signed: identity.Signed{Document: identity.Of(i).Text(), Signature: "signature", PKCS7: "pkcs7"},
		At: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
}

// TestADocumentIsOfOneLifeAndWhatItSays keeps documents over restarts, beside
// credentials, which come and go by themselves.
func TestADocumentIsOfOneLifeAndWhatItSays(t *testing.T) {
	path, k := filepath.Join(t.TempDir(), "cache.db"), newKeyring(t)
	c := openCache(t, path, k, new(strings.Builder))
	reopen := func() {
		t.Helper()
		must(t, c.Close())
		c = openCache(t, path, k, new(strings.Builder))
	}
	i, other := testInstance(1), testInstance(2)
	c.Put(i, testCredentials("one"))
	c.PutDocument(i, SignedDocument{})
	c.PutDocument(i, testDocument(i))
	c.PutDocument(other, testDocument(other))
	for _, when := range []string{"at once", "after a restart"} {
		if got, ok := c.Document(i); !ok || got != testDocument(i) {
			t.Errorf("%s: %+v, %t", when, got, ok)
		}
		reopen()
	}
	told := i
	told.UserData = []byte("x")
	if _, ok := c.Document(told); !ok {
		t.Error("what a document does not say makes it another")
	}
	moved, later := i, i
	moved.Placement.Region = "eu-north-1"
	later.Incarnation = rolestore.Incarnation{9}
	for name, i := range map[string]rolestore.Instance{"another place": moved, "another life": later} {
		if d, ok := c.Document(i); ok {
			t.Errorf("%s has %+v", name, d)
		}
	}
	c.Drop(i.ID)
	if _, ok := c.Document(i); !ok {
		t.Error("the document goes with revoked credentials")
	}
	c.Put(i, testCredentials("one"))
	c.DropDocument(i.ID)
	must(t, c.Remove(other.ID))
	reopen()
	for _, i := range []rolestore.Instance{i, other} {
		if d, ok := c.Document(i); ok {
			t.Errorf("%s still has %+v", i.ID, d)
		}
	}
	if _, ok := c.Get(i); !ok {
		t.Error("the credentials are gone with the document")
	}
	must(t, c.Close())
}
