package sts

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/rolecall/rolecall/rolestore/issuer/sigv4"
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
	json   bool // the caller accepts JSON
}

// readRequest reads a request. It returns a request that holds at least the
// caller's wish for JSON even if it is refused.
func readRequest(r *http.Request) (*request, error) {
	req := &request{json: wantsJSON(r.Header)}
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return req, &Error{Code: "RequestEntityTooLarge", Message: "The request body is too large.", Status: http.StatusRequestEntityTooLarge}
	case err != nil:
		return req, badRequest("MalformedInput", "The request body could not be read.")
	case r.URL.Path != "/":
		return req, &Error{Code: "InvalidAction", Message: "The security token service answers at / only.", Status: http.StatusNotFound}
	}
	req.signed = sigv4.Request{
		Method: r.Method, Path: r.URL.EscapedPath(), RawQuery: r.URL.RawQuery,
		Host: r.Host, Header: r.Header, Body: body,
	}
	if req.form, err = parameters(r, body); err != nil {
		return req, err
	}
	switch v := req.form.Get("Version"); {
	case req.form.Get("Action") == "":
		return req, badRequest("MissingAction", "The request is missing an action or a required parameter.")
	case v != version:
		return req, badRequest("NoSuchVersion", "The requested version ( "+v+" ) is not valid.")
	}
	req.action = req.form.Get("Action")
	return req, nil
}

// parameters returns those of the query for a GET and of the body for a POST.
func parameters(r *http.Request, body []byte) (url.Values, error) {
	encoded := r.URL.RawQuery
	switch r.Method {
	case http.MethodGet:
	case http.MethodPost:
		media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
		if err != nil || media != "application/x-www-form-urlencoded" {
			return nil, badRequest("MalformedInput", "The content type of a POST must be application/x-www-form-urlencoded.")
		}
		encoded = string(body)
	default:
		return nil, &Error{Code: "MethodNotAllowed", Message: "The request must be a GET or a POST.", Status: http.StatusMethodNotAllowed}
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
	for accepted := range strings.SplitSeq(h.Get("Accept"), ",") {
		if media, _, err := mime.ParseMediaType(accepted); err == nil && media == "application/json" {
			return true
		}
	}
	return false
}
