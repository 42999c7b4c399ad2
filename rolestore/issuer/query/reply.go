package query

import (
	"net/http"
	"strconv"
	"sync"
	"time"
)

// faultNamespace is that of AWS's front end, which has what all services have in common.
const faultNamespace = "http://webservices.amazon.com/AWSFault/2005-15-09"

// Element is a named value of a reply: a text, an instant, or elements in it.
type Element struct {
	Name     string
	Text     string
	Bare     bool // the text is a number or a truth value, which JSON does not quote
	Instant  time.Time
	Children []Element // not nil for a structure or a list, though it be empty
	List     bool      // the children are a list's members, which JSON has no names for
}

// Number is an element with an integer.
func Number(name string, n int) Element {
	return Element{Name: name, Text: strconv.Itoa(n), Bare: true}
}

// Reply is an answer as it goes over the wire.
type Reply struct {
	Status      int
	ContentType string
	Body        []byte
}

// bodySize holds the usual reply, a session with its token, without growing.
const bodySize = 2048

var bodies = sync.Pool{New: func() any { return new([bodySize]byte) }}

func newBody() []byte {
	room, _ := bodies.Get().(*[bodySize]byte)
	return room[:0]
}

// Release gives the body back once it is sent, without the secrets in it. One that grew
// is left to the garbage collector.
func (r Reply) Release() {
	if cap(r.Body) == bodySize {
		clear(r.Body)
		bodies.Put((*[bodySize]byte)(r.Body[:bodySize]))
	}
}

// Result writes what an operation answers, in the namespace of its service. An operation
// that answers nothing has a nil result.
func Result(namespace, action, requestID string, result []Element, asJSON bool) Reply {
	all := Element{Name: action + "Response"}
	if result != nil {
		all.Children = append(all.Children, Element{Name: action + "Result", Children: result})
	}
	all.Children = append(all.Children, Element{Name: "ResponseMetadata", Children: []Element{{Name: "RequestId", Text: requestID}}})
	if asJSON {
		return jsonReply(http.StatusOK, all)
	}
	return xmlReply(http.StatusOK, namespace, all)
}

// Refusal writes a refusal; note that its RequestId stands at the root, and that only XML
// has an ErrorResponse around it all.
func Refusal(namespace string, e *Error, requestID string, asJSON bool) Reply {
	fault, code := Element{Name: "Type", Text: e.fault()}, Element{Name: "Code", Text: e.Code}
	message := Element{Name: "Message", Text: e.Message}
	id := Element{Name: "RequestId", Text: requestID}
	if asJSON {
		return jsonReply(e.Status, Element{Name: "Error", Children: []Element{code, message, fault}}, id)
	}
	if e.Code == codeUnknownAction {
		namespace = faultNamespace
	}
	return xmlReply(e.Status, namespace, Element{Name: "ErrorResponse", Children: []Element{
		{Name: "Error", Children: []Element{fault, code, message}}, id,
	}})
}
