package admin

import (
	"context"
	"errors"
	"net/http"
)

// What an instance cannot be done to. Whoever implements [Instances] wraps one of
// these; what [Client] returns is one of these, too.
var (
	// ErrInvalid is a document that means nothing. 400.
	ErrInvalid = errors.New("invalid instance")
	// ErrNotFound is an id that the agent does not know. 404.
	ErrNotFound = errors.New("not found")
	// ErrConflict is what another instance, or a file of the agent's, stands
	// against. 409.
	ErrConflict = errors.New("conflict")
	// ErrEnded is an instance whose device is gone for good. 409; as the client has
	// it, an [ErrConflict].
	ErrEnded = errors.New("the instance has ended")
	// ErrNotReady is what may be possible later. 503.
	ErrNotReady = errors.New("not ready")
)

// statuses are what the errors are on the wire, and the other way round.
var statuses = []struct {
	err    error
	status int
}{
	{ErrInvalid, http.StatusBadRequest},
	{ErrNotFound, http.StatusNotFound},
	{ErrConflict, http.StatusConflict},
	{ErrEnded, http.StatusConflict},
	{ErrNotReady, http.StatusServiceUnavailable},
	{context.DeadlineExceeded, http.StatusServiceUnavailable},
	{context.Canceled, http.StatusServiceUnavailable},
}

// refusal is how the API says no.
type refusal struct {
	Message string `json:"message"`
}

// translate turns an error into a status and what the caller is told. The caller is
// as good as root, so he is told everything.
func translate(err error) (int, refusal) {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return http.StatusRequestEntityTooLarge, refusal{err.Error()}
	}
	for _, s := range statuses {
		if errors.Is(err, s.err) {
			return s.status, refusal{err.Error()}
		}
	}
	return http.StatusInternalServerError, refusal{err.Error()}
}

// answer is a refusal as the client returns it: it is the error of this package that
// its status stands for.
type answer struct {
	status int
	text   string
}

func (a *answer) Error() string { return a.text }

// Unwrap implements the interface of [errors.Is].
func (a *answer) Unwrap() error {
	for _, s := range statuses {
		if a.status == s.status {
			return s.err
		}
	}
	return nil
}
