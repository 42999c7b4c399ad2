package surface

import (
	"net/http"

	"github.com/gin-gonic/gin"
)

// Engine returns a gin engine without any middleware, redirect or trust in
// forwarding headers. It answers nothing by itself but an empty 404.
func Engine() *gin.Engine {
	gin.SetMode(gin.ReleaseMode)
	e := gin.New()
	e.RedirectTrailingSlash = false
	e.RedirectFixedPath = false
	e.HandleMethodNotAllowed = false
	e.ForwardedByClientIP = false
	_ = e.SetTrustedProxies(nil) // nil parses
	e.NoRoute(func(c *gin.Context) { c.AbortWithStatus(http.StatusNotFound) })
	return e
}
