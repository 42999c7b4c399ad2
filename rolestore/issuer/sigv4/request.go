package sigv4

import (
	"crypto/sha256"
	"net/http"
)

const (
	// maxAuthorization bounds the Authorization header: a scope, a signature and
	// [maxSignedHeaders] names fit; SDKs send under 400 bytes.
	maxAuthorization = 4096

	// maxSignedHeaders bounds the names in SignedHeaders: SDKs sign about ten.
	maxSignedHeaders = 50

	// maxHeader bounds the values of one signed header together. The largest
	// that clients sign is the session token, under 4,096 bytes.
	maxHeader = 16 << 10

	// maxQuery bounds the query, percent-encoded. The largest is AssumeRole by
	// GET, with a session policy and 50 tags of four-byte letters.
	maxQuery = 256 << 10
)

// Request is the part of an HTTP request that a signature can cover, as a server
// read it.
type Request struct {
	Method string
	// Path is still escaped, as [net/url.URL.EscapedPath] returns it.
	Path string
	// RawQuery is the query without its question mark, still escaped.
	RawQuery string
	// Host is the Host header, or :authority in HTTP/2, as the client sent it.
	Host string
	// Header has canonical keys, as net/http reads them.
	Header http.Header
	// Body is the whole body.
	Body []byte
	// BodyHash is the SHA-256 of the body where somebody else has received it; then Body
	// is nil.
	BodyHash *[sha256.Size]byte
}

// bodyHash is that of the body as it was received.
func (r *Request) bodyHash() [sha256.Size]byte {
	if r.BodyHash != nil {
		return *r.BodyHash
	}
	return sha256.Sum256(r.Body)
}

// single returns the one value of the header name, or "" when it is not sent.
// Twice is refused: the signer, a proxy and this server could each mean another.
func (r *Request) single(name string) (string, error) {
	values := r.Header[name]
	switch len(values) {
	case 0:
		return "", nil
	case 1:
		return values[0], nil
	}
	return "", incomplete("Found more than one '%s' header.", name)
}
