package admin

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/rolecall/rolecall/rolestore"
	"github.com/rolecall/rolecall/rolestore/surface"
)

// maxBody bounds a request, in bytes. A document with everything in it has some
// hundreds.
const maxBody = 64 << 10

// View is what the API shows. It is safe for concurrent use.
type View interface {
	// Status is everything.
	Status() Status
	// Instance is one instance, and false for an id that the agent does not know.
	Instance(id string) (Instance, bool)
	// Environment are the variables by which a container finds its credentials. The
	// error is one of this package's.
	Environment(id string) (map[string]string, error)
}

// Instances changes what the API shows. It is safe for concurrent use, and its errors
// wrap those of this package.
type Instances interface {
	// Put registers a valid document, or changes the instance of that id. When it
	// returns the instance is durable, and attached or waiting for its device.
	Put(ctx context.Context, d Document) (Instance, error)
	// Remove ends an instance, in the kernel and on the disk.
	Remove(ctx context.Context, id string) error
	// Revoke ends the credentials that the instance has, here and at the core, and has
	// others fetched.
	Revoke(ctx context.Context, id string) error
	// Tell sets or clears an event of the instance by a valid change. When it returns, that
	// is durable and served, or planned.
	Tell(id string, c rolestore.EventChange) error
	// Ready waits until an instance is attached and its first valid credentials are
	// stored, if it has a role. One that is ready is returned even if ctx has ended.
	// It returns ctx's error when ctx ends before, [ErrEnded] once the instance will
	// never be ready, and [ErrNotFound] when it is removed.
	Ready(ctx context.Context, id string) (Instance, error)
}

// api is what the handlers have in common.
type api struct {
	view      View
	instances Instances
	logger    *slog.Logger
	stopping  context.Context // ends with the server, and with it those who wait
}

// Server returns the server for the agent's admin socket, which must be a Unix
// socket: it asks the kernel who is at the other end.
func Server(view View, instances Instances, logger *slog.Logger) *http.Server {
	stopping, stop := context.WithCancel(context.Background())
	a := &api{view: view, instances: instances, logger: logger, stopping: stopping}
	engine := surface.Engine()
	engine.Use(onlyPrograms)
	engine.GET("/v1/status", func(c *gin.Context) { c.JSON(http.StatusOK, view.Status()) })
	engine.GET("/v1/instances", func(c *gin.Context) { c.JSON(http.StatusOK, list{view.Status().Instances}) })
	engine.GET("/v1/instances/:id", a.get)
	engine.PUT("/v1/instances/:id", a.put)
	engine.DELETE("/v1/instances/:id", a.remove)
	engine.GET("/v1/instances/:id/environment", a.environment)
	engine.GET("/v1/instances/:id/ready", a.ready)
	engine.POST("/v1/instances/:id/revoke", a.revoke)
	engine.POST("/v1/instances/:id/events", a.tell)
	server := surface.Server(engine, logger)
	server.ConnContext = withPeer
	server.RegisterOnShutdown(stop)
	return server
}

// onlyPrograms refuses web pages, and whoever the kernel does not vouch for.
func onlyPrograms(c *gin.Context) {
	if _, known := peerOf(c.Request.Context()); !known || surface.Browser(c.Request) != "" {
		c.AbortWithStatusJSON(http.StatusForbidden, refusal{"only programs on this machine are answered"})
	}
}

// list is what GET /v1/instances answers.
type list struct {
	Instances []Instance `json:"instances"`
}
