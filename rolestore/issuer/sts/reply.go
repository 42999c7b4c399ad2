package sts

import (
	"net/http"
	"time"
)

// The namespaces of replies: the service's, and that of the front end, which has what
// all services have in common.
const (
	namespace      = "https://sts.amazonaws.com/doc/2011-06-15/"
	faultNamespace = "http://webservices.amazon.com/AWSFault/2005-15-09"
)

// element is a named value of a reply: a text, an instant or a list of elements.
type element struct {
	name     string
	text     string
	bare     bool // the text is a number, which JSON does not quote
	instant  time.Time
	children []element
}

// reply is an answer as it goes over the wire.
type reply struct {
	status      int
	contentType string
	body        []byte
}

// bodySize holds the usual reply, a session with its token, without growing.
const bodySize = 2048

// renderResult writes what an action answers.
func renderResult(action, requestID string, result []element, asJSON bool) reply {
	all := element{name: action + "Response", children: []element{
		{name: action + "Result", children: result},
		{name: "ResponseMetadata", children: []element{{name: "RequestId", text: requestID}}},
	}}
	if asJSON {
		return jsonReply(http.StatusOK, all)
	}
	return xmlReply(http.StatusOK, namespace, all)
}

// renderRefusal writes a refusal; note that its RequestId stands at the root, and
// that only XML has an ErrorResponse around it all.
func renderRefusal(e *Error, requestID string, asJSON bool) reply {
	fault, code := element{name: "Type", text: e.fault()}, element{name: "Code", text: e.Code}
	message := element{name: "Message", text: e.Message}
	id := element{name: "RequestId", text: requestID}
	if asJSON {
		return jsonReply(e.Status, element{name: "Error", children: []element{code, message, fault}}, id)
	}
	from := namespace
	if e.Code == codeUnknownAction {
		from = faultNamespace
	}
	return xmlReply(e.Status, from, element{name: "ErrorResponse", children: []element{
		{name: "Error", children: []element{fault, code, message}}, id,
	}})
}
