package policy

import "fmt"

// Error is a document that is not valid. IAM answers such as
// MalformedPolicyDocument, status 400
// (https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreatePolicy.html#API_CreatePolicy_Errors).
type Error struct {
	// Where is the place of the offending element, such as
	// Statement[2].Condition.StringEquals; empty for the document itself.
	Where string
	// Message names the element; its text is IAM's where IAM's is known.
	Message string
}

// Error implements error.
func (e *Error) Error() string {
	if e.Where == "" {
		return e.Message
	}
	return e.Message + " (at " + e.Where + ")"
}

func errorAt(where, format string, args ...any) *Error {
	return &Error{Where: where, Message: fmt.Sprintf(format, args...)}
}
