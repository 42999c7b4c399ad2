package imds

import (
	"github.com/gin-gonic/gin"

	"github.com/rolecall/rolecall/rolestore/surface"
)

// tokenPath is where tokens are minted: exactly there.
const tokenPath = "/latest/api/token"

// engine builds the router.
func (s *Server) engine() *gin.Engine {
	e := surface.Engine()
	e.PUT(tokenPath, s.gated(s.putToken))
	e.GET("/*path", s.gated(s.getMetadata))
	e.HEAD("/*path", s.gated(s.getMetadata))
	e.NoRoute(s.gated(s.unrouted))
	return e
}
