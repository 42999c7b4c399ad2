package imds

import "github.com/gin-gonic/gin"

// tokenPath is where tokens are minted: exactly there.
const tokenPath = "/latest/api/token"

// engine builds the router. It is the one place that makes a gin.Engine, bare:
// gin's logger writes queries, its recovery writes headers, and its ClientIP
// believes X-Forwarded-For. net/http recovers from panics by itself.
func (s *Server) engine() *gin.Engine {
	gin.SetMode(gin.ReleaseMode) // or gin prints its routes
	e := gin.New()
	e.RedirectTrailingSlash = false // no SDK follows a redirect
	e.RedirectFixedPath = false
	e.HandleMethodNotAllowed = false // unrouted answers that
	e.ForwardedByClientIP = false
	_ = e.SetTrustedProxies(nil) // fails for a bad address only

	e.PUT(tokenPath, s.gated(s.putToken))
	e.GET("/*path", s.gated(s.getMetadata))
	e.HEAD("/*path", s.gated(s.getMetadata))
	e.NoRoute(s.gated(s.unrouted))
	return e
}
