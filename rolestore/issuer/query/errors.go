package query

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/rolecall/rolecall/rolestore/issuer/sigv4"
)

// Error is a refusal as AWS words it
// (https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html).
type Error struct {
	// Code is for programs, Message for people.
	Code, Message string
	// Status is the HTTP status.
	Status int
	// Reason is why, for the core's log alone; it never reaches the caller.
	Reason string
	// Encoded is what the refusal was about, sealed for those who may decode it.
	Encoded string
}

// Error implements error.
func (e *Error) Error() string { return e.Code + ": " + e.Message }

// codeUnknownAction is the code of what AWS's front end answers, before the service
// sees the request.
const codeUnknownAction = "InvalidAction"

// fault says who is to blame: the caller (Sender) or the service (Receiver).
func (e *Error) fault() string {
	if e.Status >= http.StatusInternalServerError {
		return "Receiver"
	}
	return "Sender"
}

// BadRequest is a refusal of what was asked.
func BadRequest(code, message string) *Error {
	return &Error{Code: code, Message: message, Status: http.StatusBadRequest}
}

// UnknownAction is the refusal of an action that there is not.
func UnknownAction(name, version string) *Error {
	return BadRequest(codeUnknownAction, "Could not find operation "+name+" for version "+version)
}

// Forbidden is a refusal of who asked.
func Forbidden(code, message string) *Error {
	return &Error{Code: code, Message: message, Status: http.StatusForbidden}
}

// Validation is a refusal of a value.
func Validation(format string, args ...any) *Error {
	return BadRequest("ValidationError", fmt.Sprintf(format, args...))
}

// Translate is the one place where an error becomes a refusal. What it does not
// know is our own fault and tells the caller nothing.
func Translate(err error) *Error {
	var refusal *Error
	if errors.As(err, &refusal) {
		return refusal
	}
	var signature *sigv4.Error
	if errors.As(err, &signature) {
		return &Error{Code: signature.Code, Message: signature.Message, Status: signature.Status}
	}
	return &Error{
		Code:    "InternalFailure",
		Message: "The request processing has failed because of an unknown error, exception or failure.",
		Status:  http.StatusInternalServerError,
		Reason:  err.Error(),
	}
}

// Throttled is the refusal of one too many; why is for the log.
func Throttled(why string) *Error {
	e := BadRequest("Throttling", "Rate exceeded")
	e.Reason = why
	return e
}
