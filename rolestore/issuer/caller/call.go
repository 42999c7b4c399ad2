package caller

import (
	"time"

	"github.com/rolecall/rolecall/rolestore/issuer/directory"
	"github.com/rolecall/rolecall/rolestore/issuer/policy"
	"github.com/rolecall/rolecall/rolestore/issuer/query"
)

// Call is one request on its way through an operation.
type Call struct {
	*query.Request
	Directory *directory.Snapshot
	Caller    *Caller // nil in an operation that takes no signature
	Now       time.Time
	Who       string // for the log; empty until it is known

	session *policy.Set // the caller's session policies, once they were asked for
}
