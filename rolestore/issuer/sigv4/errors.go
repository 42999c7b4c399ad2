package sigv4

import (
	"fmt"
	"strings"
	"time"
)

// Error is a refusal as AWS's query protocol answers it
// (https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html).
type Error struct {
	// Code is AWS's error code, such as SignatureDoesNotMatch.
	Code string
	// Status is the HTTP status that goes with it.
	Status int
	// Message is AWS's text. It may quote what the client sent, never a secret
	// and never the signature that was expected.
	Message string
}

// Error implements error.
func (e *Error) Error() string { return e.Code + ": " + e.Message }

// ErrUnsigned is returned by [Parse] for a request without a signature.
var ErrUnsigned error = &Error{"MissingAuthenticationToken", 403, "Request is missing Authentication Token"}

var errMismatch error = mismatch("The request signature we calculated does not match the signature you provided. " +
	"Check your AWS Secret Access Key and signing method. Consult the service documentation for details.")

// RegionError is the refusal for a caller of the package that does not accept
// the region in the signature's scope. The space at its end is AWS's.
func (s *Signature) RegionError() error {
	if s.Region == "" {
		return mismatch("Credential should be scoped to a valid region. ")
	}
	return mismatch("Credential should be scoped to a valid region, not '" + s.Region + "'. ")
}

func mismatch(message string) *Error { return &Error{"SignatureDoesNotMatch", 403, message} }

func incomplete(format string, args ...any) *Error {
	return &Error{"IncompleteSignature", 400, fmt.Sprintf(format, args...)}
}

func malformedQuery(format string, args ...any) *Error {
	return &Error{"MalformedQueryString", 404, "The query string is malformed: " + fmt.Sprintf(format, args...)}
}

// missing lists what the Authorization header lacks. AWS quotes the header; only
// its algorithm is quoted here, as the header may be some other credential.
func missing(names []string, dated bool) *Error {
	var b strings.Builder
	for _, name := range names {
		fmt.Fprintf(&b, "Authorization header requires '%s' parameter. ", name)
	}
	if !dated {
		b.WriteString("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ")
	}
	return incomplete("%sAuthorization=%s", b.String(), algorithm)
}

func missingParameters(names []string) *Error {
	var b strings.Builder
	for _, name := range names {
		fmt.Fprintf(&b, "AWS query-string parameters must include '%s'. ", name)
	}
	return incomplete("%sRe-examine the query-string parameters.", b.String())
}

func expired(signed, now time.Time) *Error {
	return mismatch(fmt.Sprintf("Signature expired: %s is now earlier than %s (%s - 15 min.)",
		signed.Format(basicFormat), now.Add(-MaxSkew).Format(basicFormat), now.Format(basicFormat)))
}

func notYetCurrent(signed, now time.Time) *Error {
	return mismatch(fmt.Sprintf("Signature not yet current: %s is still later than %s (%s + 15 min.)",
		signed.Format(basicFormat), now.Add(MaxSkew).Format(basicFormat), now.Format(basicFormat)))
}
