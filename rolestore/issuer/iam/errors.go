package iam

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/rolecall/rolecall/rolestore/issuer/directory"
	"github.com/rolecall/rolecall/rolestore/issuer/policy"
	"github.com/rolecall/rolecall/rolestore/issuer/query"
)

// noun has AWS's texts about one kind of thing.
type noun struct {
	name, member string // role, RoleName
	gone, exists string // formats that take the name of one
}

// codeExists is the code of a name that is taken.
const codeExists = "EntityAlreadyExists"

func noSuchEntity(format string, a ...any) *query.Error {
	return &query.Error{Code: "NoSuchEntity", Message: fmt.Sprintf(format, a...), Status: http.StatusNotFound}
}

func conflict(code, format string, a ...any) *query.Error {
	return &query.Error{Code: code, Message: fmt.Sprintf(format, a...), Status: http.StatusConflict}
}

func limitExceeded(format string, a ...any) *query.Error {
	return conflict("LimitExceeded", format, a...)
}

func invalidInput(message string) *query.Error { return query.BadRequest("InvalidInput", message) }

// missing is the refusal of one that there is not.
func (n noun) missing(name string) *query.Error { return noSuchEntity(n.gone, name) }

// refusal is the one place where an error of the directory becomes one of AWS's. What it
// does not know is our own fault.
func (n noun) refusal(name string, err error) error {
	var (
		known    *query.Error
		document *policy.Error
		quota    *policy.QuotaError
	)
	switch {
	case err == nil, errors.As(err, &known):
		return err
	case errors.As(err, &document):
		return query.BadRequest("MalformedPolicyDocument", document.Message)
	case errors.As(err, &quota):
		return limitExceeded("%s", quota.Message)
	case errors.Is(err, directory.ErrExists):
		return conflict(codeExists, n.exists, name)
	case errors.Is(err, directory.ErrNotFound):
		return n.missing(name)
	case errors.Is(err, directory.ErrChanged):
		return conflict("ConcurrentModification", "Request was denied because of multiple concurrent changes to the %s %s. Wait a few minutes and submit it again.", n.name, name)
	case errors.Is(err, directory.ErrInUse):
		return conflict("DeleteConflict", "Cannot delete entity, %s.", strings.TrimPrefix(err.Error(), directory.ErrInUse.Error()+": "))
	case errors.Is(err, directory.ErrManaged):
		return query.BadRequest("UnmodifiableEntity", "Cannot perform the operation on the "+n.name+" "+name+": "+err.Error())
	case errors.Is(err, directory.ErrBuiltIn):
		return query.BadRequest("UnmodifiableEntity", "Cannot perform the operation on the protected "+n.name+" '"+name+"' - this "+n.name+" is only modifiable by the core itself")
	case errors.Is(err, directory.ErrInvalid):
		return invalidInput(strings.TrimPrefix(err.Error(), directory.ErrInvalid.Error()+"\n"))
	}
	return err
}

// renamed is the refusal of a change of name: what is taken is the new one.
func (n noun) renamed(to string, err error) error {
	var known *query.Error
	if errors.As(err, &known) && known.Code == codeExists {
		return conflict(codeExists, n.exists, to)
	}
	return err
}
