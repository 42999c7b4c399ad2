package verify

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
)

// Error is why a request or a token is refused.
type Error struct {
	// Code is AWS's, such as SignatureDoesNotMatch, and Message its text; both are for
	// the caller.
	Code, Message string
	// Status is the HTTP status that goes with it.
	Status int
	// Err is what the service's own log should have, and the caller not; it may be nil.
	Err error
}

// Error implements error.
func (e *Error) Error() string {
	text := e.Code + ": " + e.Message
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

func refused(code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...), Status: http.StatusForbidden}
}

// unavailable is the refusal of a caller about whom nobody could be asked.
func unavailable(err error) *Error {
	return &Error{Code: "ServiceUnavailable", Message: "The request could not be verified. Try again later.", Status: http.StatusServiceUnavailable, Err: err}
}

// Reply answers a request that is refused, in the form that AWS's SDKs read
// (https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html#operation-error-serialization).
func Reply(w http.ResponseWriter, err error) {
	refusal := unavailable(err)
	_ = errors.As(err, &refusal)
	w.Header().Set("X-Amzn-Errortype", refusal.Code)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(refusal.Status)
	_ = json.NewEncoder(w).Encode(map[string]string{"message": refusal.Message})
}
