package sigv4

import (
	"net/http"
	"strings"
)

// appendCanonical appends what the signature covers, but for the body's hash at
// its end.
func (s *signed) appendCanonical(b []byte, presigned bool) (_ []byte, err error) {
	r := &s.request
	b = append(b, r.Method...)
	b = append(b, '\n')
	if r.Path == "" {
		b = append(b, '/')
	}
	// The path is escaped a second time, as every service but S3 wants it.
	b = append(b, escape(r.Path, true)...)
	b = append(b, '\n')
	b = appendQuery(b, s.query, presigned)
	b = append(b, '\n')
	for name := range strings.SplitSeq(s.names, ";") {
		if b, err = s.appendHeader(b, name); err != nil {
			return nil, err
		}
	}
	b = append(b, '\n')
	b = append(b, s.names...)
	return append(b, '\n'), nil
}

// appendHeader appends the canonical line of the header name. One that was not
// sent is refused rather than read as empty: to a receiver these may differ.
func (s *signed) appendHeader(b []byte, name string) ([]byte, error) {
	b = append(b, name...)
	b = append(b, ':')
	if name == "host" {
		return append(appendFolded(b, s.request.Host), '\n'), nil
	}
	values := s.request.Header[http.CanonicalHeaderKey(name)]
	if len(values) == 0 {
		return nil, errMismatch
	}
	size := 0
	for i, value := range values {
		if size += len(value); size > maxHeader {
			return nil, incomplete("Signed header '%s' must be at most %d bytes long.", name, maxHeader)
		}
		if i > 0 {
			b = append(b, ',')
		}
		b = appendFolded(b, value)
	}
	return append(b, '\n'), nil
}

// appendFolded appends value without the space around it, and with runs of
// spaces inside it folded into one.
func appendFolded(b []byte, value string) []byte {
	value = strings.Trim(value, " \t")
	for {
		i := strings.Index(value, "  ")
		if i < 0 {
			return append(b, value...)
		}
		b = append(b, value[:i+1]...)
		value = strings.TrimLeft(value[i:], " ")
	}
}
