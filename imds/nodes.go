package imds

import (
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/rolecall/rolecall/imds/container"
	"github.com/rolecall/rolecall/rolestore"
)

// sharedByPods reports whether a request is by a socket that the pods of a node share, in
// their form.
func sharedByPods(r *http.Request, st *state) bool {
	return st != nil && st.instance.Containers.Node != (rolestore.Node{}) && connOf(r.Context()).form == Pod
}

// getPodOf answers a pod on a node, which its token alone tells from the others there. It
// asks within a limit of its own, so that no pod uses up that of the others. What is of no
// pod that has credentials is within the node's: a token that is not verified says nothing
// of who sends it.
func (s *Server) getPodOf(c *gin.Context, node *instance, st *state) *refusal {
	pod, r := s.podBy(c.Request, st)
	payer, limit := pod, s.requests.of(podsShare)
	if r != nil {
		payer, limit = node, s.requests
	}
	if often := s.admit(c.Request, payer, limit); often != nil {
		return often
	}
	if r != nil {
		return r
	}
	now := pod.load()
	if now == nil {
		return refusedNotReady // it has just ended, and the next request finds what is
	}
	return answerContainer(c, pod, now, container.PodDocument)
}

// podBy is the pod on the node that a request is of, by its token.
func (s *Server) podBy(r *http.Request, node *state) (*instance, *refusal) {
	cluster, token, why := s.podToken(r, node)
	if why != nil {
		return nil, why
	}
	pod, err := cluster.Read(token, node.instance.Containers.Node.NodeName, s.now())
	if errors.Is(err, container.ErrOtherNode) {
		return nil, refusedOtherNode
	} else if err != nil {
		return nil, refusedPodToken(err)
	}
	id, err := s.pod(r.Context(), node.instance, pod)
	switch {
	case errors.Is(err, container.ErrNoAssociation):
		return nil, refusedNoAssociation
	case errors.Is(err, container.ErrNotGranted):
		return nil, refusedGrant
	case errors.Is(err, container.ErrTooManyPods):
		return nil, refusedTooManyPods
	case err != nil:
		return nil, refusedUnknownPod(err)
	}
	if in := s.find(id); in != nil {
		return in, nil
	}
	return nil, refusedNotReady
}
