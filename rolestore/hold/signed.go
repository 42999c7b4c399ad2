package hold

import (
	"encoding/json"
	"time"

	"github.com/rolecall/rolecall/rolestore"
	"github.com/rolecall/rolecall/rolestore/identity"
)

const documentsBucket = "identity_documents"

// SignedDocument is an instance's identity document as the core has signed it.
type SignedDocument struct {
	identity.Signed
	// At is when the core was asked.
	At time.Time
}

// storedDocument is a SignedDocument as it is sealed.
type storedDocument struct {
	Incarnation rolestore.Incarnation `json:"incarnation"`
	// Of is what was asked for: the document as the agent renders it.
	Of     string          `json:"of"`
	Signed identity.Signed `json:"signed"`
	At     time.Time       `json:"at"`
}

// PutDocument keeps the document that was signed for the instance as it is.
func (c *Cache) PutDocument(i rolestore.Instance, d SignedDocument) {
	c.replaceDocument(i.ID, &storedDocument{Incarnation: i.Incarnation, Of: identity.Of(i).Text(), Signed: d.Signed, At: d.At})
}

// Document returns the instance's signed document, if it was put for the same
// incarnation, and the instance's document still says the same.
func (c *Cache) Document(i rolestore.Instance) (SignedDocument, bool) {
	c.mu.RLock()
	d, ok := c.documents[i.ID]
	c.mu.RUnlock()
	if !ok || d.Incarnation != i.Incarnation || d.Of != identity.Of(i).Text() {
		return SignedDocument{}, false
	}
	return SignedDocument{Signed: d.Signed, At: d.At}, true
}

// DropDocument forgets the instance's signed document, without waiting for the disk.
func (c *Cache) DropDocument(instanceID string) { c.replaceDocument(instanceID, nil) }

func (c *Cache) replaceDocument(id string, d *storedDocument) {
	c.mu.Lock()
	set(c.documents, c.pendingDocuments, id, d)
	c.mu.Unlock()
	c.poke()
}

func (d *storedDocument) encode() ([]byte, error) { return json.Marshal(d) }
