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
	e.PUT(tokenPath, s.gated(gate, s.putToken, s.refuse))
	e.GET("/*path", s.gated(gate, s.getMetadata, s.refuse))
	e.HEAD("/*path", s.gated(gate, s.getMetadata, s.refuse))
	e.NoRoute(s.gated(gate, s.unrouted, s.refuse))
	return e
}
