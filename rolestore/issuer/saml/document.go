package saml

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/beevik/etree"
)

// Bounds of a document that somebody unknown sends. The longest response that STS takes
// has 75 kB; a role's value in it has over a hundred.
const (
	maxDepth    = 64
	maxElements = 4000
	maxPrefixes = 32 // of namespaces: the work of canonicalization grows with them
)

// Namespaces.
const (
	nsProtocol   = "urn:oasis:names:tc:SAML:2.0:protocol"
	nsAssertion  = "urn:oasis:names:tc:SAML:2.0:assertion"
	nsMetadata   = "urn:oasis:names:tc:SAML:2.0:metadata"
	nsSignature  = "http://www.w3.org/2000/09/xmldsig#"
	nsEncryption = "http://www.w3.org/2001/04/xmlenc#"
	nsExclusive  = "http://www.w3.org/2001/10/xml-exc-c14n#"
)

// strictness is what a document may have beyond elements and text.
type strictness struct {
	comments bool // and processing instructions: people write metadata
	elements int
}

var (
	strict  = strictness{elements: maxElements}
	relaxed = strictness{comments: true, elements: 100 * maxElements}
)

// parse reads a document and returns its root. A document type declaration is refused,
// so that there are no entities to expand. So are comments in what is signed:
// canonicalization takes them out, and programs differ in what they make of a text with
// a comment in it. An id that is there twice is refused, as a signature names what it
// signs by it.
func parse(text []byte, s strictness) (*etree.Element, error) {
	if !utf8.Valid(text) {
		return nil, errors.New("it is not UTF-8")
	}
	if err := s.check(text); err != nil {
		return nil, err
	}
	document := etree.NewDocument()
	document.ReadSettings.MaxDepth = maxDepth + 1
	if err := document.ReadFromBytes(text); err != nil {
		return nil, err
	}
	root := document.Root()
	if root == nil {
		return nil, errors.New("it has no element")
	}
	return root, nil
}

// check looks at each token once, before a tree is made of them.
func (s strictness) check(text []byte) error {
	d := xml.NewDecoder(bytes.NewReader(text)) // without a CharsetReader it takes UTF-8 only
	depth, elements, roots := 0, 0, 0
	ids, prefixes := map[string]bool{}, map[string]bool{}
	for {
		token, err := d.RawToken()
		if errors.Is(err, io.EOF) {
			if roots != 1 || depth != 0 {
				return errors.New("it is not one whole element")
			}
			return nil
		}
		if err != nil {
			return err
		}
		switch t := token.(type) {
		case xml.Directive:
			return errors.New("it has a document type declaration")
		case xml.Comment:
			if !s.comments {
				return errors.New("it has a comment")
			}
		case xml.ProcInst:
			if t.Target != "xml" && !s.comments || t.Target == "xml" && elements > 0 {
				return errors.New("it has a processing instruction")
			}
		case xml.CharData:
			if depth == 0 && strings.TrimSpace(string(t)) != "" {
				return errors.New("it has text outside of its element")
			}
		case xml.StartElement:
			if depth++; depth == 1 {
				roots++
			}
			if elements++; depth > maxDepth || elements > s.elements {
				return errors.New("it has too many elements")
			}
			if err := checkAttributes(t.Attr, ids, prefixes); err != nil {
				return err
			}
		case xml.EndElement:
			depth--
		}
	}
}

func checkAttributes(attributes []xml.Attr, ids, prefixes map[string]bool) error {
	for i, a := range attributes {
		for _, before := range attributes[:i] {
			if before.Name == a.Name {
				return fmt.Errorf("it has an attribute twice: %s", a.Name.Local)
			}
		}
		switch {
		case strings.EqualFold(a.Name.Local, "id"):
			if ids[a.Value] {
				return errors.New("it has an id twice")
			}
			ids[a.Value] = true
		case a.Name.Space == "xmlns":
			if a.Value == "" {
				return errors.New("it takes a namespace prefix back")
			}
			prefixes[a.Name.Local] = true
		}
		if len(prefixes) > maxPrefixes {
			return errors.New("it has too many namespace prefixes")
		}
	}
	return nil
}

// is reports whether e is the element of that name. Prefixes mean nothing.
func is(e *etree.Element, namespace, name string) bool {
	return e != nil && e.Tag == name && e.NamespaceURI() == namespace
}

// all are the children of that name.
func all(e *etree.Element, namespace, name string) []*etree.Element {
	var found []*etree.Element
	for _, child := range e.ChildElements() {
		if is(child, namespace, name) {
			found = append(found, child)
		}
	}
	return found
}

// one is the only child of that name; nil if there is none or more than one.
func one(e *etree.Element, namespace, name string) *etree.Element {
	if e == nil {
		return nil
	}
	if found := all(e, namespace, name); len(found) == 1 {
		return found[0]
	}
	return nil
}

// attribute is the value of an attribute without a prefix. (Those of etree take one
// with any prefix.)
func attribute(e *etree.Element, name string) string {
	if e == nil {
		return ""
	}
	for _, a := range e.Attr {
		if a.Space == "" && a.Key == name {
			return a.Value
		}
	}
	return ""
}

// text is all the text of an element, and false for one that has elements in it.
func text(e *etree.Element) (string, bool) {
	if e == nil {
		return "", false
	}
	var b strings.Builder
	for _, child := range e.Child {
		switch c := child.(type) {
		case *etree.CharData:
			b.WriteString(c.Data)
		case *etree.Element:
			return "", false
		}
	}
	return b.String(), true
}

// trimmed is the text of an element whose type collapses white space, such as a URI;
// empty for one that is not there or has elements in it.
func trimmed(e *etree.Element) string {
	value, _ := text(e)
	return strings.TrimSpace(value)
}
