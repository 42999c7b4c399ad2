package imds

import (
	"errors"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/rolecall/rolecall/imds/container"
	"github.com/rolecall/rolecall/rolestore"
	"github.com/rolecall/rolecall/rolestore/surface"
)

// Form is in which form an address is answered.
type Form int

const (
	// Metadata is EC2's, that of 169.254.169.254.
	Metadata Form = iota
	// Task is that of ECS, at 169.254.170.2.
	Task
	// Pod is that of EKS, at 169.254.170.23.
	Pod
)

// forms answers a request in the form of its connection.
func (s *Server) forms() http.Handler {
	metadata, task, pod := s.engine(), s.containerEngine(s.getTask, refuseTask), s.containerEngine(s.getPod, refusePod)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := connOf(r.Context())
		c.asked.Store(true) // and what net/http writes is ours
		switch c.form {
		case Task:
			task.ServeHTTP(w, r)
		case Pod:
			pod.ServeHTTP(w, r)
		default:
			metadata.ServeHTTP(w, r)
		}
	})
}

// containerEngine is a router with one handler: both forms have one path.
func (s *Server) containerEngine(h handler, answer func(*gin.Context, *refusal)) *gin.Engine {
	e := surface.Engine()
	e.NoRoute(s.gated(containerGate, h, func(c *gin.Context, in *instance, r *refusal) {
		s.record(c.Request, in, r)
		answer(c, r)
	}))
	return e
}

// containerGate makes the checks of [gate] that are not about EC2's metadata service:
// whether that is turned off does not matter here.
func containerGate(r *http.Request, st *state) *refusal {
	switch {
	case st == nil:
		return refusedUnidentified
	case !surface.KnownHost(r):
		return refusedHost
	case surface.FromPage(r):
		return refusedBrowser
	case r.Header["X-Forwarded-For"] != nil:
		return refusedForwarded
	case r.Header["Expect"] != nil:
		return refusedExpectation
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		return refusedMethod
	}
	return nil
}

// getTask answers in ECS's form.
func (s *Server) getTask(c *gin.Context, in *instance, st *state) *refusal {
	id, ok := strings.CutPrefix(c.Request.URL.Path, container.TaskPath)
	if !ok || st.instance.Containers.Task != "enabled" || !container.IsID(id, st.instance) {
		return refusedTaskID
	}
	return answerContainer(c, in, st, container.TaskDocument)
}

// getPod answers in EKS's form.
func (s *Server) getPod(c *gin.Context, in *instance, st *state) *refusal {
	if sharedByPods(c.Request, st) {
		return s.getPodOf(c, in, st)
	}
	cluster, token, r := s.podToken(c.Request, st)
	if r != nil {
		return r
	}
	if err := cluster.Verify(token, st.instance.Containers.Pod, s.now()); errors.Is(err, container.ErrOtherPod) {
		return refusedOtherPod
	} else if err != nil {
		return refusedPodToken(err)
	}
	return answerContainer(c, in, st, container.PodDocument)
}

// podToken is the token that a request in EKS's form presents, and the cluster that it
// has to be of.
func (s *Server) podToken(r *http.Request, st *state) (container.Cluster, string, *refusal) {
	name := st.instance.Containers.Cluster()
	switch {
	case name == "":
		return container.Cluster{}, "", refusedNoPod
	case r.URL.Path != container.PodPath:
		return container.Cluster{}, "", notFound
	}
	cluster, ok := s.cluster(name)
	if !ok {
		return container.Cluster{}, "", refusedCluster
	}
	if len(r.Header["Authorization"]) > 1 {
		return container.Cluster{}, "", refusedPodTokens
	}
	return cluster, r.Header.Get("Authorization"), nil
}

// answerContainer answers with the role's credentials, rendered by one of the forms.
func answerContainer(c *gin.Context, in *instance, st *state, render func(rolestore.InstanceProfile, rolestore.Credentials) []byte) *refusal {
	if st.instance.Profile.Role.ARN == "" {
		return refusedNoRole
	}
	r := in.await(c.Request.Context(), func(now *state) *refusal {
		st = now
		return st.settled()
	})
	if r != nil {
		return r
	}
	newDocument(render(st.instance.Profile, st.role.issued), jsonText).write(c, http.StatusOK)
	return nil
}

// settled returns nil if there are credentials: otherwise refusedNotReady as long as
// there is no word of them, and refusedRole.
func (st *state) settled() *refusal {
	switch {
	case st.role.body == nil:
		return refusedNotReady
	case st.role.issued == rolestore.Credentials{}:
		return refusedRole
	}
	return nil
}
