package issuer

import (
	"context"
	"net/http"
	"strings"

	"github.com/rolecall/rolecall/rolestore/hosttoken"
	"github.com/rolecall/rolecall/rolestore/surface"
)

// Public returns the server for a listener that others than administrators reach:
// AWS's API, and below [hosttoken.Prefix] that for hosts, and the certificates for
// those who verify identity documents.
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
	server := surface.Server(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, hosttoken.Prefix) {
			engine.ServeHTTP(w, r)
			return
		}
		c.front.ServeHTTP(w, r)
	}), c.config.Logger)
	server.RegisterOnShutdown(stop)
	return server
}
