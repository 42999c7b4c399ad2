package admin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
)

const (
	// maxWait bounds how long one call waits. Whoever wants to wait on calls again.
	maxWait = 5 * time.Minute

	// replyTime is what a caller has for taking the answer, after the waiting.
	replyTime = 30 * time.Second
)

// ready answers GET /v1/instances/{id}/ready.
func (a *api) ready(c *gin.Context) {
	id := c.Param("id")
	wait, err := time.ParseDuration(c.DefaultQuery("wait", "0s"))
	if err != nil || wait < 0 || wait > maxWait {
		c.JSON(http.StatusBadRequest, refusal{fmt.Sprintf("wait %q: want a duration from 0s to %s", c.Query("wait"), maxWait)})
		return
	}
	// The server's own limit is for callers who do not take the answer, and counts
	// from the question.
	err = http.NewResponseController(c.Writer).SetWriteDeadline(time.Now().Add(wait + replyTime))
	if err != nil {
		a.refuse(c, err)
		return
	}
	ctx, cancel := context.WithTimeout(c.Request.Context(), wait) // which ends with the connection, too
	defer cancel()
	defer context.AfterFunc(a.stopping, cancel)()
	i, err := a.instances.Ready(ctx, id)
	switch {
	case err == nil:
		c.JSON(http.StatusOK, i)
	case a.stopping.Err() != nil:
		a.refuse(c, fmt.Errorf("%w: the agent is stopping", ErrNotReady))
	case errors.Is(err, context.DeadlineExceeded):
		a.refuse(c, a.notReady(id))
	default:
		a.refuse(c, err)
	}
}

// notReady says what is missing when the time is over.
func (a *api) notReady(id string) error {
	i, ok := a.view.Instance(id)
	switch missing := i.Missing(); {
	case !ok:
		return fmt.Errorf("%w: instance %s is not registered here", ErrNotFound, id)
	case missing != "":
		return fmt.Errorf("%w: instance %s: %s", ErrNotReady, id, missing)
	}
	return fmt.Errorf("%w: instance %s has credentials, but none that are valid and stored: see `rolecall status`", ErrNotReady, id)
}
