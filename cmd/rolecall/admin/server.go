package admin

import (
	"log/slog"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/rolecall/rolecall/rolestore/surface"
)

// Server returns the server for the agent's admin socket. status is called for
// each request and must be safe for concurrent use.
func Server(status func() Status, logger *slog.Logger) *http.Server {
	engine := surface.Engine()
	engine.Use(func(c *gin.Context) {
		if surface.Browser(c.Request) != "" {
			c.AbortWithStatus(http.StatusForbidden)
		}
	})
	engine.GET("/v1/status", func(c *gin.Context) { c.JSON(http.StatusOK, status()) })
	return surface.Server(engine, logger)
}
