package imds

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/rolecall/rolecall/rolestore/surface"
)

// handler answers a request of an instance that has passed the gate, from one
// state of it; or it returns why not, and has written nothing then.
type handler func(*gin.Context, *instance, *state) *refusal

// gated makes a route of h behind a gate, with refuse for what is refused. Handlers are
// called by no other way, so that none can be reached around its gate.
func (s *Server) gated(gate func(*http.Request, *state) *refusal, h handler, refuse func(*gin.Context, *instance, *refusal)) gin.HandlerFunc {
	return func(c *gin.Context) {
		in, _ := c.Request.Context().Value(instanceKey{}).(*instance)
		st := in.load()
		bounded(c.Writer, c.Request)
		r := gate(c.Request, st)
		if r != nil || !sharedByPods(c.Request, st) { // who of them asks is not known yet
			if often := s.admit(c.Request, in, s.requests); often != nil {
				r = often
			}
		}
		if r == nil {
			r = h(c, in, st)
		}
		if r != nil {
			refuse(c, in, r)
		}
	}
}

// usualHost is what nearly every request names.
const usualHost = "169.254.169.254"

// hostNames are the names that EC2 gives its metadata service.
var hostNames = []string{"instance-data", "instance-data.ec2.internal"}

// gate makes the checks that come before every route, in their order: whose
// request it is, whether a browser was tricked into it, whether it came
// through a proxy, and whether HTTP allows it.
func gate(r *http.Request, st *state) *refusal {
	h := r.Header
	switch {
	case st == nil:
		return refusedUnidentified
	case st.instance.Options.HTTPEndpoint != "enabled":
		return refusedDisabled
	case r.Host != usualHost && !surface.KnownHost(r, hostNames...):
		return refusedHost
	case surface.FromPage(r):
		return refusedBrowser
	case h["X-Forwarded-For"] != nil && (r.Method == http.MethodPut || h[tokenHeader] != nil):
		return refusedForwarded
	case h["Expect"] != nil:
		// The body is not read, so net/http sends no 100.
		return refusedExpectation
	}
	return nil
}
