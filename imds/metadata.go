package imds

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/rolecall/rolecall/imds/tree"
)

// publishWait is how long a request for the role's document waits for the first
// one. Go's SDK gives up after 500 ms, the earliest of all.
const publishWait = 400 * time.Millisecond

// getMetadata answers from the tree. What is there is answered at once; the
// role's documents, if there are none yet, after they came.
func (s *Server) getMetadata(c *gin.Context, in *instance, st *state) *refusal {
	if r := s.authorize(c.Request, in, st); r != nil {
		return r
	}
	q := question{c.Request.URL.Path, c.Request.Header[tokenHeader] == nil}
	doc, r := st.document(q)
	if r.pending() {
		doc, r = in.document(c.Request.Context(), q)
	}
	if r != nil {
		return r
	}
	doc.write(c, http.StatusOK)
	return nil
}

// question is what is asked for: what path leads to, and by whom.
type question struct {
	path      string
	tokenless bool // by IMDSv1, whose role credentials are others
}

// document returns what is asked for: a refusal that is pending if that is going to
// be there in a moment.
func (st *state) document(q question) (document, *refusal) {
	path := q.path
	n, ok := st.tree.Lookup(path)
	if !ok && isTokenPath(path) {
		return document{}, refusedTokenMethod
	}
	if !ok && st.unsigned && tree.IsSignature(path) {
		return document{}, refusedUnsigned
	}
	if !ok {
		return document{}, notFound
	}
	role := st.role
	if q.tokenless {
		role = st.tokenless
	}
	var live document
	switch n.Kind {
	case tree.Text:
		return metadata(n.Body, st.modified), nil
	case tree.Opaque:
		d := metadata(n.Body, st.modified)
		d.contentType = octets
		return d, nil
	case tree.RoleCredentials:
		live = role.document
	case tree.RoleCredentialsExtended:
		live = role.extended(st.instance.Profile)
	case tree.RoleInfo:
		live = st.info
	}
	if live.body == nil {
		return document{}, refusedNotReady
	}
	return live, nil
}

// document is that of the state, once it is there or will not be.
func (in *instance) document(ctx context.Context, q question) (doc document, r *refusal) {
	r = in.await(ctx, func(st *state) (r *refusal) {
		doc, r = st.document(q)
		return r
	})
	return doc, r
}

// await asks a state, and the next one whenever the instance's is replaced, until the
// answer is not pending any more, publishWait is over or the caller has left.
func (in *instance) await(ctx context.Context, ask func(*state) *refusal) *refusal {
	late := time.NewTimer(publishWait)
	defer late.Stop()
	for {
		st := in.load()
		if st == nil {
			return refusedUnidentified
		}
		r := ask(st)
		if !r.pending() {
			return r
		}
		select {
		case <-st.replaced:
		case <-late.C:
			return r
		case <-ctx.Done():
			return r
		}
	}
}

// unrouted answers what is neither the minting of a token nor the reading of
// metadata. It is reading too where the router sees no path: in *, and in an absolute URL
// without one, which is that of / (RFC 9110, section 4.2.3).
func (s *Server) unrouted(c *gin.Context, in *instance, st *state) *refusal {
	switch method := c.Request.Method; {
	case method == http.MethodGet || method == http.MethodHead:
		return s.getMetadata(c, in, st)
	case !isTokenPath(c.Request.URL.Path):
		return refusedMethod
	case method == http.MethodPut:
		return refusedTokenPath
	}
	return refusedTokenMethod
}

// isTokenPath reports whether path is that of tokens but for its version, its
// slashes, or something behind.
func isTokenPath(path string) bool {
	version, rest := tree.Split(path)
	return tree.IsVersion(version) && strings.HasPrefix(rest+"/", "api/token/")
}
