package sts

import (
	"encoding/json"
	"encoding/xml"
	"strconv"
	"strings"
	"time"
)

const namespace = "https://sts.amazonaws.com/doc/2011-06-15/"

// element is a named value of a reply: a text, an instant or a list of elements.
type element struct {
	name     string
	text     string
	instant  time.Time
	children []element
}

// renderXML writes a successful reply of an action.
func renderXML(action, requestID string, result []element) []byte {
	b := make([]byte, 0, 2048)
	b = append(b, "<"+action+"Response xmlns=\""+namespace+"\">\n"...)
	b = appendXML(b, "  ", element{name: action + "Result", children: result})
	b = appendXML(b, "  ", metadata(requestID))
	return append(b, "</"+action+"Response>\n"...)
}

func appendXML(b []byte, indent string, e element) []byte {
	b = append(b, indent+"<"+e.name+">"...)
	switch {
	case e.children != nil:
		b = append(b, '\n')
		for _, child := range e.children {
			b = appendXML(b, indent+"  ", child)
		}
		b = append(b, indent...)
	case !e.instant.IsZero():
		b = append(b, e.instant.UTC().Format(time.RFC3339)...)
	default:
		b = appendEscaped(b, e.text)
	}
	return append(b, "</"+e.name+">\n"...)
}

// appendEscaped escapes what XML wants escaped; nearly always that is nothing.
func appendEscaped(b []byte, text string) []byte {
	var escaped strings.Builder
	_ = xml.EscapeText(&escaped, []byte(text)) // a Builder does not fail
	return append(b, escaped.String()...)
}

// renderJSON writes the same as JSON, where instants are seconds since the epoch.
func renderJSON(action, requestID string, result []element) []byte {
	b := make([]byte, 0, 2048)
	b = append(b, `{"`+action+`Response":{`...)
	b = appendJSON(b, element{name: action + "Result", children: result})
	b = append(b, ',')
	b = appendJSON(b, metadata(requestID))
	return append(b, "}}\n"...)
}

func appendJSON(b []byte, e element) []byte {
	b = append(b, `"`+e.name+`":`...)
	switch {
	case e.children != nil:
		b = append(b, '{')
		for i, child := range e.children {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendJSON(b, child)
		}
		return append(b, '}')
	case !e.instant.IsZero():
		return strconv.AppendInt(b, e.instant.Unix(), 10)
	}
	return appendQuoted(b, e.text)
}

func appendQuoted(b []byte, text string) []byte {
	quoted, _ := json.Marshal(text) // a string always marshals
	return append(b, quoted...)
}

func metadata(requestID string) element {
	return element{name: "ResponseMetadata", children: []element{{name: "RequestId", text: requestID}}}
}

// renderError writes a refusal; note that its RequestId stands at the root.
func renderError(e *Error, requestID string, asJSON bool) []byte {
	body := element{name: "Error", children: []element{
		{name: "Type", text: e.fault()}, {name: "Code", text: e.Code}, {name: "Message", text: e.Message},
	}}
	id := element{name: "RequestId", text: requestID}
	if asJSON {
		b := appendJSON([]byte{'{'}, body)
		b = appendJSON(append(b, ','), id)
		return append(b, "}\n"...)
	}
	b := []byte("<ErrorResponse xmlns=\"" + namespace + "\">\n")
	b = appendXML(b, "  ", body)
	b = appendXML(b, "  ", id)
	return append(b, "</ErrorResponse>\n"...)
}
