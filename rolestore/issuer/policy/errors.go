package policy

import "fmt"

// Error is a document that is not valid. IAM and STS answer such as
// MalformedPolicyDocument, status 400
// (https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreatePolicy.html#API_CreatePolicy_Errors).
type Error struct {
	// Where is the place of the offending element, such as
	// Statement[2].Condition.StringEquals; empty for the document itself.
	Where string
	// Message is the text for the wire: AWS's, where it is known.
	Message string
	// Detail says what AWS's text leaves open, for whoever writes the document;
	// empty if that is nothing.
	Detail string
}

// Error implements error: all that is known.
func (e *Error) Error() string {
	text := e.Message
	if e.Detail != "" {
		text += " " + e.Detail
	}
	if e.Where != "" {
		text += " (at " + e.Where + ")"
	}
	return text
}

// The texts of AWS that stand for more than one mistake.
const (
	syntaxErrors  = "Syntax errors in policy."
	legacyParsing = "The policy failed legacy parsing"
	noVendor      = "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
)

// errorAt returns an error with AWS's text alone.
func errorAt(where, format string, args ...any) *Error {
	return &Error{Where: where, Message: fmt.Sprintf(format, args...)}
}

// explained returns an error with AWS's text and a detail.
func explained(where, message, format string, args ...any) *Error {
	return &Error{Where: where, Message: message, Detail: fmt.Sprintf(format, args...)}
}
