package directory

import (
	"errors"
	"strconv"
)

// ObjectError is what is wrong with one of the objects that are defined. That of an
// account wraps that of what is in it.
type ObjectError struct {
	// Kind is the object's noun, "account" or "role" and so on, and Name its name.
	Kind, Name string
	Err        error
}

// Error implements error.
func (e *ObjectError) Error() string {
	name := e.Name
	if !longName.MatchString(name) { // it may be anything
		name = strconv.Quote(name)
	}
	return e.Kind + " " + name + ": " + e.Err.Error()
}

// Unwrap implements errors.Is and errors.As.
func (e *ObjectError) Unwrap() error { return e.Err }

// in says which object an error is about; nil stays nil.
func in(kind, name string, err error) error {
	if err == nil {
		return nil
	}
	return &ObjectError{kind, name, err}
}

// Culprit returns the kinds and names of the objects that an error is about, the
// account first; none for an error that is about no object.
func Culprit(err error) (objects [][2]string) {
	for e := (*ObjectError)(nil); errors.As(err, &e); err = e.Err {
		objects = append(objects, [2]string{e.Kind, e.Name})
	}
	return objects
}
