package sigv4

import (
	"strings"
	"time"

	"github.com/rolecall/rolecall/rolestore"
)

const (
	algorithm   = "AWS4-HMAC-SHA256"
	terminator  = "aws4_request"
	basicFormat = "20060102T150405Z" // ISO 8601's basic format, as X-Amz-Date has it
	dayFormat   = "20060102"
)

// Signature is what a request says of its own signature. None of it is proven
// before [Verifier.Verify] has returned nil.
type Signature struct {
	// AccessKeyID names the secret that the request claims to be signed with.
	AccessKeyID string
	// Time is when the request was signed, UTC, whole seconds.
	Time time.Time
	// Region and Service are those of the credential scope. Which regions a
	// server accepts depends on how it was reached, and is left to the caller:
	// see [Signature.RegionError].
	Region, Service string
	// SessionToken is empty when none was sent. It is always covered by the
	// signature.
	SessionToken rolestore.Secret
	// Presigned reports that the signature is in the query.
	Presigned bool

	signed *signed
}

// String implements [fmt.Stringer]. It leaves out all that fmt would otherwise
// print of the request, which holds the session token.
func (s Signature) String() string {
	return s.AccessKeyID + " " + s.Time.Format(basicFormat) + " " + s.Region + " " + s.Service
}

// GoString implements [fmt.GoStringer].
func (s Signature) GoString() string { return s.String() }

// signed is what the signature covers, and the signature.
type signed struct {
	request Request
	query   []parameter

	day, terminator string // of the scope
	names           string // SignedHeaders as sent
	signature       string // 64 lower-case hexadecimal digits, unless it is wrong
}

// fields are the parts of a signature as sent, in the header or in the query.
type fields struct {
	algorithm, credential, names, signature, date string
	token                                         string
}

// Parse reads the signature of r, which must not be changed until it is verified.
// It does no cryptography. The error is [ErrUnsigned] when r has no signature,
// and another [*Error] when it has one that cannot be right.
func Parse(r Request) (*Signature, error) {
	query, err := parseQuery(r.RawQuery)
	if err != nil {
		return nil, err
	}
	authorization, err := r.single("Authorization")
	if err != nil {
		return nil, err
	}
	presigned, err := lookup(query, "X-Amz-Algorithm")
	if err != nil {
		return nil, err
	}

	var f fields
	switch {
	case authorization != "" && presigned != "":
		return nil, mismatch("Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.")
	case presigned != "":
		f, err = queryFields(query)
	case strings.HasPrefix(strings.TrimSpace(authorization), "AWS4-"):
		f, err = headerFields(&r, authorization)
	default:
		return nil, ErrUnsigned
	}
	if err != nil {
		return nil, err
	}
	s := &Signature{
		Presigned: presigned != "",
		signed:    &signed{request: r, query: query, names: f.names, signature: f.signature},
	}
	if f.token != "" {
		s.SessionToken = rolestore.NewSecret(f.token)
	}
	if err := s.fill(f); err != nil {
		return nil, err
	}
	return s, nil
}

// fill checks f and sets the members that come from it, in AWS's order of checks.
func (s *Signature) fill(f fields) (err error) {
	if s.Time, err = parseDate(f.date); err != nil {
		return err
	}
	if err := s.checkNames(); err != nil {
		return err
	}
	if f.algorithm != algorithm {
		return incomplete("Unsupported AWS 'algorithm': '%s' (only %s for now). ", f.algorithm, algorithm)
	}
	scope := strings.Split(strings.TrimRight(f.credential, "/"), "/")
	if len(scope) != 5 {
		return incomplete("Credential must have exactly 5 slash-delimited elements, "+
			"e.g. keyid/date/region/service/term, got '%s'", f.credential)
	}
	s.AccessKeyID, s.Region, s.Service = scope[0], scope[2], scope[3]
	s.signed.day, s.signed.terminator = scope[1], scope[4]
	return nil
}

// checkNames refuses a SignedHeaders that leaves out what must be signed, or
// that is no list of lower-case names.
func (s *Signature) checkNames() error {
	host, token, n := false, s.Presigned || s.SessionToken.IsZero(), 0
	for name := range strings.SplitSeq(s.signed.names, ";") {
		if n++; n > maxSignedHeaders {
			return incomplete("SignedHeaders must name at most %d headers.", maxSignedHeaders)
		}
		if name == "" || strings.ToLower(name) != name {
			return incomplete("SignedHeaders must be lower-case header names separated by ';', got '%s'", s.signed.names)
		}
		host = host || name == "host"
		token = token || name == "x-amz-security-token"
	}
	switch {
	case !host:
		return mismatch("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")
	case !token:
		return mismatch("'X-Amz-Security-Token' must be a 'SignedHeader' in the AWS Authorization.")
	}
	return nil
}
