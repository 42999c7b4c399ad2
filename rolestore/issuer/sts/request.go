package sts

import (
	"errors"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/rolecall/rolecall/rolestore/issuer/sigv4"
	"github.com/rolecall/rolecall/rolestore/surface"
)

const (
	version = "2011-06-15"

	// maxBody bounds a request body, in bytes. The longest that the model allows
	// is a SAML assertion of 100,000 characters, percent-encoded.
	maxBody = 512 << 10

	// maxParameters bounds the parameters of a request: 50 tags make 100.
	maxParameters = 512
)

// request is a call of the Query protocol.
type request struct {
	action string
	form   url.Values
	signed sigv4.Request
	json   bool   // the caller accepts JSON
	host   string // that the caller names, without a port
	region string // of that endpoint of AWS's; empty for any other name

	// What policies may ask about the way that the request came.
	source    netip.Addr // invalid over a Unix socket
	tls       bool
	userAgent string
}

// newRequest is what is known of a request before it is read.
func newRequest(r *http.Request) *request {
	req := &request{json: wantsJSON(r.Header), tls: r.TLS != nil, userAgent: r.UserAgent()}
	if peer, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		req.source = peer.Addr().Unmap().WithZone("")
	}
	req.host, req.region = endpoint(r.Host)
	return req
}

// names are those that a request may call us by. AWS's own are nobody's to point at
// us but our operator's.
func (s *Server) names(req *request) []string {
	if req.region != "" {
		return []string{req.host}
	}
	return s.known
}

// readRequest reads a request. It returns a request that holds at least the
// caller's wish for JSON even if it is refused.
func (s *Server) readRequest(r *http.Request) (*request, error) {
	req := newRequest(r)
	if why := surface.Browser(r, s.names(req)...); why != "" {
		return req, &Error{Code: "AccessDenied", Message: "Requests of web pages are not answered.", Status: http.StatusForbidden, Reason: why}
	}
	if r.URL.Path != "/" && r.URL.Path != "" { // http://host has no path
		return req, &Error{Code: codeUnknownAction, Message: "The security token service answers at / only.", Status: http.StatusNotFound}
	}
	body, err := readBody(r)
	if err != nil {
		return req, err
	}
	req.signed = sigv4.Request{
		Method: r.Method, Path: r.URL.EscapedPath(), RawQuery: r.URL.RawQuery,
		Host: r.Host, Header: r.Header, Body: body,
	}
	if req.form, err = parameters(r, body); err != nil {
		return req, err
	}
	req.action = req.form.Get("Action")
	switch v := req.form.Get("Version"); {
	case req.action == "":
		return req, badRequest("MissingAction", "The request is missing an action or a required parameter.")
	case v == "":
		return req, unknownAction(req.action, "NO_VERSION_SPECIFIED") // AWS's own word
	case v != version:
		return req, badRequest("NoSuchVersion", "The requested version ( "+v+" ) is not valid.")
	}
	return req, nil
}

func readBody(r *http.Request) ([]byte, error) {
	if r.ContentLength == 0 {
		return nil, nil
	}
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, &Error{Code: "RequestEntityTooLarge", Message: "The request body is too large.", Status: http.StatusRequestEntityTooLarge}
	case err != nil:
		return nil, badRequest("MalformedInput", "The request body could not be read.")
	}
	return body, nil
}

// parameters returns those of the query and, for a POST, of the body too, since
// one that stands where it is not looked for would be ignored.
func parameters(r *http.Request, body []byte) (url.Values, error) {
	encoded := r.URL.RawQuery
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodPost:
		return nil, &Error{Code: "MethodNotAllowed", Message: "The request must be a GET or a POST.", Status: http.StatusMethodNotAllowed}
	case len(body) == 0:
	case r.Method == http.MethodGet:
		return nil, badRequest("MalformedInput", "The body of a GET must be empty.")
	default:
		media, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";") // a charset may follow
		if !strings.EqualFold(strings.TrimSpace(media), "application/x-www-form-urlencoded") {
			return nil, badRequest("MalformedInput", "The content type of a POST must be application/x-www-form-urlencoded.")
		}
		if encoded != "" {
			encoded += "&"
		}
		encoded += string(body)
	}
	if strings.Count(encoded, "&") >= maxParameters {
		return nil, badRequest("MalformedInput", "The request has too many parameters.")
	}
	form, err := url.ParseQuery(encoded)
	if err != nil {
		return nil, &Error{Code: "MalformedQueryString", Message: "The query string contains a syntax error.", Status: http.StatusNotFound}
	}
	for name, values := range form {
		if len(values) > 1 {
			return nil, badRequest("MalformedInput", "The parameter "+name+" is given more than once.")
		}
	}
	return form, nil
}

// wantsJSON reports whether the caller asks for JSON, as Envoy and
// aws-iam-authenticator do.
func wantsJSON(h http.Header) bool {
	for _, line := range h.Values("Accept") {
		for accepted := range strings.SplitSeq(line, ",") {
			media, _, _ := strings.Cut(accepted, ";")
			if strings.EqualFold(strings.TrimSpace(media), "application/json") {
				return true
			}
		}
	}
	return false
}
