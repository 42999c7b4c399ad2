package query

import (
	"bytes"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/rolecall/rolecall/rolestore/issuer/sigv4"
)

const (
	// MaxBody bounds a request body, in bytes. The longest that the model allows
	// is a SAML assertion of 100,000 characters, percent-encoded.
	MaxBody = 512 << 10

	// MaxParameters bounds the parameters of a request: 50 tags make 100.
	MaxParameters = 512

	// MaxLong bounds those of an operation that takes long lists, of a caller who is known.
	MaxLong = 8192 // net/url reads 10,000 at most
)

// Request is a call of the Query protocol.
type Request struct {
	Action, Version string
	Form            url.Values
	Signed          sigv4.Request
	JSON            bool   // the caller accepts JSON
	Host            string // that the caller names, in lower case and without a port

	// What policies may ask about the way that the request came.
	Source    netip.Addr // invalid over a Unix socket
	TLS       bool
	UserAgent string
	Endpoint  string // the id of the private one; empty anywhere else

	long string // the form as it was sent, of which Form has but what it asks for; else empty
}

// New is what is known of a request before it is read.
func New(r *http.Request) *Request {
	req := &Request{JSON: wantsJSON(r.Header), TLS: r.TLS != nil, UserAgent: r.UserAgent()}
	if peer, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		req.Source = peer.Addr().Unmap().WithZone("")
	}
	name, _, _ := strings.Cut(r.Host, ":")
	req.Host = strings.ToLower(name)
	return req
}

// Read reads the rest of a request.
func (q *Request) Read(r *http.Request) error {
	if r.URL.Path != "/" && r.URL.Path != "" { // http://host has no path
		return &Error{Code: codeUnknownAction, Message: "This service answers at / only.", Status: http.StatusNotFound}
	}
	body, err := readBody(r)
	if err != nil {
		return err
	}
	q.Signed = sigv4.Request{
		Method: r.Method, Path: r.URL.EscapedPath(), RawQuery: r.URL.RawQuery,
		Host: r.Host, Header: r.Header, Body: body,
	}
	encoded, err := parameters(r, body)
	if err != nil {
		return err
	}
	if strings.Count(encoded, "&") >= MaxParameters {
		// What is beyond is looked at once the caller is known; see ReadLong.
		q.long, encoded = encoded, addressed(encoded)
	}
	if q.Form, err = parse(encoded); err != nil {
		return err
	}
	q.Action, q.Version = q.Form.Get("Action"), q.Form.Get("Version")
	switch {
	case q.Action == "":
		return BadRequest("MissingAction", "The request is missing an action or a required parameter.")
	case q.Version == "":
		return UnknownAction(q.Action, "NO_VERSION_SPECIFIED") // AWS's own word
	}
	return nil
}

// UnknownVersion is the refusal of a version that no service here has.
func (q *Request) UnknownVersion() *Error {
	return BadRequest("NoSuchVersion", "The requested version ( "+q.Version+" ) is not valid.")
}

// usualBody is more than a host token or a session policy has, in bytes.
const usualBody = 8 << 10

func readBody(r *http.Request) ([]byte, error) {
	if r.ContentLength == 0 {
		return nil, nil
	}
	// The length is the caller's word: it saves growing, but for no more than a usual body.
	body := bytes.NewBuffer(make([]byte, 0, min(max(r.ContentLength, 0), usualBody)+bytes.MinRead))
	_, err := body.ReadFrom(http.MaxBytesReader(nil, r.Body, MaxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, &Error{Code: "RequestEntityTooLarge", Message: "The request body is too large.", Status: http.StatusRequestEntityTooLarge}
	case err != nil:
		return nil, BadRequest("MalformedInput", "The request body could not be read.")
	}
	return body.Bytes(), nil
}

// addressed returns the parameters that say which operation a long request is for, be they
// at its end, where those are that write them in alphabetic order.
func addressed(encoded string) string {
	var found []string
	for p := range strings.SplitSeq(encoded, "&") {
		if len(found) < MaxParameters && (strings.HasPrefix(p, "Action=") || strings.HasPrefix(p, "Version=")) {
			found = append(found, p)
		}
	}
	return strings.Join(found, "&")
}

// Long reports whether the request has more parameters than most operations take.
func (q *Request) Long() bool { return q.long != "" }

// TooLong is the refusal of too many parameters.
func TooLong() *Error { return BadRequest("MalformedInput", "The request has too many parameters.") }

// ReadLong reads all parameters of a request that is [Request.Long], whose caller must be
// known by then: it takes more memory than a stranger may have us use.
func (q *Request) ReadLong() error {
	if strings.Count(q.long, "&") >= MaxLong {
		return TooLong()
	}
	form, err := parse(q.long)
	if err != nil {
		return err
	}
	q.Form, q.long = form, ""
	return nil
}

// parameters returns those of the query and, for a POST, of the body too, since
// one that stands where it is not looked for would be ignored.
func parameters(r *http.Request, body []byte) (encoded string, err error) {
	encoded = r.URL.RawQuery
	switch {
	case strings.Count(encoded, "&") >= MaxParameters: // they are signed one by one
		return "", TooLong()
	case r.Method != http.MethodGet && r.Method != http.MethodPost:
		return "", &Error{Code: "MethodNotAllowed", Message: "The request must be a GET or a POST.", Status: http.StatusMethodNotAllowed}
	case len(body) == 0:
	case r.Method == http.MethodGet:
		return "", BadRequest("MalformedInput", "The body of a GET must be empty.")
	default:
		media, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";") // a charset may follow
		if !strings.EqualFold(strings.TrimSpace(media), "application/x-www-form-urlencoded") {
			return "", BadRequest("MalformedInput", "The content type of a POST must be application/x-www-form-urlencoded.")
		}
		if encoded != "" {
			encoded += "&"
		}
		encoded += string(body)
	}
	return encoded, nil
}

// parse reads parameters, of which each may be there once.
func parse(encoded string) (url.Values, error) {
	form, err := url.ParseQuery(encoded)
	if err != nil {
		return nil, &Error{Code: "MalformedQueryString", Message: "The query string contains a syntax error.", Status: http.StatusNotFound}
	}
	for name, values := range form {
		if len(values) > 1 {
			return nil, BadRequest("MalformedInput", "The parameter "+name+" is given more than once.")
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
