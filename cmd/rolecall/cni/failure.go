package cni

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"syscall"

	"github.com/containernetworking/cni/pkg/types"

	"github.com/rolecall/rolecall/cmd/rolecall/admin"
)

const (
	// codeUnavailable and codeLimited are STATUS's: ADD cannot be served; and what
	// runs already is short of something, too.
	codeUnavailable = 50
	codeLimited     = 51

	// codeRefused and those after it are the plugin's own: the agent said no.
	codeRefused = 100
	// codeChanged is what CHECK answers when the container's role is not as it was
	// added.
	codeChanged = 101
)

// failure is an error with a code of the specification's
// (https://github.com/containernetworking/cni/blob/spec-v1.1.0/SPEC.md#error).
func failure(code uint, format string, args ...any) *types.Error {
	return types.NewError(code, fmt.Sprintf(format, args...), "")
}

// refused is what the agent, or the lack of one, said to a call.
func refused(what string, err error) *types.Error {
	return types.NewError(codeOf(err), "rolecall: "+what, err.Error())
}

// codeOf says whether the runtime should try again, or somebody mend something.
func codeOf(err error) uint {
	switch {
	case absent(err), errors.Is(err, admin.ErrNotReady):
		return types.ErrTryAgainLater
	case errors.Is(err, admin.ErrInvalid):
		return types.ErrInvalidNetworkConfig
	case errors.Is(err, admin.ErrNotFound), errors.Is(err, admin.ErrConflict):
		return codeRefused
	}
	return types.ErrInternal
}

// absent reports whether no agent is there.
func absent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED)
}

// printFailure writes an error as the specification wants it, which skel does not:
// with the version.
func printFailure(w io.Writer, version string, e *types.Error) error {
	return json.NewEncoder(w).Encode(struct {
		CNIVersion string `json:"cniVersion"`
		*types.Error
	}{version, e})
}
