package admin

import (
	"fmt"
	"io"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/rolecall/rolecall/rolestore"
)

// tell answers POST /v1/instances/{id}/events.
func (a *api) tell(c *gin.Context) {
	change, err := readChange(http.MaxBytesReader(c.Writer, c.Request.Body, maxBody))
	if err == nil {
		err = a.instances.Tell(c.Param("id"), change)
		a.logged(c, "event changed", err, "event", change.Event, "clear", change.Clear)
	}
	if err != nil {
		a.refuse(c, err)
		return
	}
	c.Status(http.StatusNoContent)
}

func readChange(body io.Reader) (rolestore.EventChange, error) {
	var change rolestore.EventChange
	if err := read(body, "an event", &change); err != nil {
		return change, err
	}
	if err := change.Validate(); err != nil {
		return change, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return change, nil
}
