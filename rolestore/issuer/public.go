package issuer

import (
	"context"
	"net/http"
	"strings"

	"github.com/rolecall/rolecall/rolestore/hosttoken"
	"github.com/rolecall/rolecall/rolestore/surface"
	"github.com/rolecall/rolecall/rolestore/verify/wire"
)

// Public returns the server for a listener that others than administrators reach:
// AWS's API, and below [hosttoken.Prefix] that for hosts, the certificates for those who
// verify identity documents, and what services ask that rely on the core.
func (c *Core) Public() *http.Server {
	stopping, stop := context.WithCancel(context.Background())
	api := &hostAPI{Core: c, stopping: stopping}
	engine := surface.Engine()
	engine.Use(api.limit)
	engine.POST(hosttoken.PathJoin, api.join)
	engine.GET(hosttoken.PathEvents, api.events)
	engine.DELETE(hosttoken.PathLeases+":id", api.release)
	engine.POST(hosttoken.PathLeases+":id/revoke", api.revoke)
	engine.POST(hosttoken.PathLeases+":id"+hosttoken.SuffixIdentity, api.identityDocument)
	engine.GET(hosttoken.PathProfiles+":name", api.profile)
	engine.GET(hosttoken.PathCertificates, api.certificates)
	// Services ask for each of their requests: who is known is not limited.
	services := surface.Engine()
	services.POST(wire.Path, c.relying.Answer)
	server := surface.Server(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == wire.Path:
			services.ServeHTTP(w, r)
		case strings.HasPrefix(r.URL.Path, hosttoken.Prefix):
			engine.ServeHTTP(w, r)
		default:
			c.front.ServeHTTP(w, r)
		}
	}), c.config.Logger)
	server.RegisterOnShutdown(stop)
	return server
}
