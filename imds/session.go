package imds

import (
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"
)

// Headers of IMDSv2, in canonical form.
const (
	tokenHeader = "X-Aws-Ec2-Metadata-Token"
	ttlHeader   = "X-Aws-Ec2-Metadata-Token-Ttl-Seconds"
)

// maxTTL is the longest life of a token that EC2 grants, in seconds: six hours.
const maxTTL = 21600

// putToken answers with a new session token, and repeats how long it lives:
// SDKs go by that header, and one fails without it. The reply goes as far as the
// instance's hop limit lets it.
func (s *Server) putToken(c *gin.Context, in *instance, st *state) *refusal {
	if r := s.admitToken(c.Request, in); r != nil {
		return r
	}
	if err := limitHops(c.Request.Context(), max(1, st.instance.Options.HTTPPutResponseHopLimit)); err != nil {
		return refusedHops(err)
	}
	ttl, ok := parseTTL(c.Request.Header[ttlHeader])
	if !ok {
		return refusedTTL
	}
	i := &st.instance
	tok := s.tokens.Mint(i.ID, i.Incarnation, ttl, s.now())
	c.Writer.Header()[ttlHeader] = c.Request.Header[ttlHeader]
	newDocument([]byte(tok), plainText).write(c, http.StatusOK)
	return nil
}

// parseTTL reads the one value of the header: seconds from 1 to [maxTTL], in
// digits alone.
func parseTTL(values []string) (time.Duration, bool) {
	if len(values) != 1 {
		return 0, false
	}
	n, err := strconv.ParseUint(values[0], 10, 16)
	return time.Duration(n) * time.Second, err == nil && n >= 1 && n <= maxTTL
}

// authorize checks the session token of a GET. Without one the request is
// IMDSv1, which is for instances whose tokens are optional; with one it is
// IMDSv2 for them too, and a bad token is not overlooked.
func (s *Server) authorize(r *http.Request, in *instance, st *state) *refusal {
	tokens := r.Header[tokenHeader]
	switch {
	case len(tokens) == 0 && st.instance.Options.HTTPTokens == "optional":
		in.noToken.Add(1)
		return nil
	case len(tokens) == 0:
		in.noTokenRejected.Add(1)
		return refusedNoToken
	case len(tokens) > 1:
		return refusedTokens
	}
	i := &st.instance
	if err := s.tokens.Verify(tokens[0], i.ID, i.Incarnation, s.now()); err != nil {
		return refusedToken(err)
	}
	return nil
}
