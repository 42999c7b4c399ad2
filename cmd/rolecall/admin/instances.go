package admin

import (
	"fmt"
	"log/slog"
	"net/http"

	"github.com/gin-gonic/gin"
)

// get answers GET /v1/instances/{id}.
func (a *api) get(c *gin.Context) {
	i, ok := a.view.Instance(c.Param("id"))
	if !ok {
		a.refuse(c, fmt.Errorf("%w: instance %s is not registered here", ErrNotFound, c.Param("id")))
		return
	}
	c.JSON(http.StatusOK, i)
}

// environment answers GET /v1/instances/{id}/environment.
func (a *api) environment(c *gin.Context) {
	variables, err := a.view.Environment(c.Param("id"))
	if err != nil {
		a.refuse(c, err)
		return
	}
	c.JSON(http.StatusOK, variables)
}

// put answers PUT /v1/instances/{id}.
func (a *api) put(c *gin.Context) {
	id := c.Param("id")
	d, err := readDocument(http.MaxBytesReader(c.Writer, c.Request.Body, maxBody), id)
	if err != nil {
		a.refuse(c, err)
		return
	}
	i, err := a.instances.Put(c.Request.Context(), d)
	a.logged(c, "instance put", err, "attachment", d.Attachment.String())
	if err != nil {
		a.refuse(c, err)
		return
	}
	c.JSON(http.StatusOK, i)
}

// remove answers DELETE /v1/instances/{id}.
func (a *api) remove(c *gin.Context) {
	err := a.instances.Remove(c.Request.Context(), c.Param("id"))
	a.logged(c, "instance removed", err)
	if err != nil {
		a.refuse(c, err)
		return
	}
	c.Status(http.StatusNoContent)
}

// revoke answers POST /v1/instances/{id}/revoke.
func (a *api) revoke(c *gin.Context) {
	err := a.instances.Revoke(c.Request.Context(), c.Param("id"))
	a.logged(c, "credentials revoked", err)
	if err != nil {
		a.refuse(c, err)
		return
	}
	c.Status(http.StatusNoContent)
}

// refuse answers err.
func (a *api) refuse(c *gin.Context, err error) {
	status, body := translate(err)
	if status == http.StatusInternalServerError {
		a.logger.Error("admin request failed", "method", c.Request.Method, "path", c.Request.URL.Path, "err", err)
	}
	c.JSON(status, body)
}

// logged notes who changed what, or tried to.
func (a *api) logged(c *gin.Context, message string, err error, args ...any) {
	caller, _ := peerOf(c.Request.Context())
	args = append([]any{slog.String("instance_id", c.Param("id")), slog.Int("uid", caller.uid), slog.Int("pid", caller.pid)}, args...)
	if err != nil {
		message, args = "change of an instance refused", append(args, "method", c.Request.Method, "err", err)
	}
	a.logger.Info(message, args...)
}
