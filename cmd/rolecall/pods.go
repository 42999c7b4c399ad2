package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"sync"
	"time"

	containers "github.com/rolecall/rolecall/imds/container"
	"github.com/rolecall/rolecall/rolestore"
	"github.com/rolecall/rolecall/rolestore/hold"
	"github.com/rolecall/rolecall/rolestore/source"
)

const (
	// maxPods is how many pods of one node have credentials: twice what the largest nodes
	// of EKS run, as those that have ended stay for a while.
	maxPods = 500
	// podWait is how long a request waits until its pod is known: JavaScript's SDK gives up
	// after a second, and the credentials are to be fetched then.
	podWait = 400 * time.Millisecond
	// podCheck is how often pods are looked for that ask no more.
	podCheck = time.Minute
)

// errPodBegins is returned for a pod that is known in a moment.
var errPodBegins = errors.New("it is being made known to the core")

// pods are the instances that are pods on nodes: each comes to be at its first request,
// and has credentials of its own from there on, as every instance.
type pods struct {
	wake chan struct{} // holds one: some may have to end

	mu    sync.Mutex
	asked map[string]time.Time      // by instance id
	begun map[string]*podsBeginning // by instance id: those that are being made
}

type podsBeginning struct {
	done chan struct{} // closed when err is there
	err  error
}

func newPods() *pods {
	return &pods{wake: make(chan struct{}, 1), asked: map[string]time.Time{}, begun: map[string]*podsBeginning{}}
}

// poke has somebody look for pods that are to end.
func (p *pods) poke() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// idle reports for how long the pod has not asked: since the agent knows of it, at most.
func (p *pods) idle(id string, now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	last, ok := p.asked[id]
	if !ok {
		p.asked[id] = now
		return 0
	}
	return now.Sub(last)
}

func (p *pods) saw(id string, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked[id] = now
}

func (p *pods) forget(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.asked, id)
}

// begin does what makes a pod known, unless that is going on already.
func (p *pods) begin(id string, put func() error) *podsBeginning {
	p.mu.Lock()
	defer p.mu.Unlock()
	if b := p.begun[id]; b != nil {
		return b
	}
	b := &podsBeginning{done: make(chan struct{})}
	p.begun[id] = b
	go func() {
		b.err = put()
		p.mu.Lock()
		delete(p.begun, id)
		p.mu.Unlock()
		close(b.done)
	}()
	return b
}

// isPod reports whether an instance is a pod on a node, by whose attachment it asks.
func isPod(i rolestore.Instance) bool { return i.Attachment == rolestore.Attachment{} }

// podID is the id of the instance that the pod is. It follows from the node's
// incarnation, which only the agent knows: so it is one of this host and of this life of
// the node, and its session is nobody else's.
func podID(node rolestore.Instance, pod rolestore.Pod) string {
	code := hmac.New(sha256.New, node.Incarnation[:])
	for _, part := range []string{"rolecall pod", node.Containers.Node.ClusterName, pod.Namespace, pod.ServiceAccount, pod.Name, pod.UID} {
		_, _ = code.Write([]byte(part + "\x00")) // never fails, see hash.Hash
	}
	return "i-" + hex.EncodeToString(code.Sum(nil))[:17]
}

// pod is [imds.Config]'s: which instance a pod on a node is, whose token was verified.
func (a *agentHalf) pod(ctx context.Context, node rolestore.Instance, pod rolestore.Pod) (string, error) {
	cluster := node.Containers.Node.ClusterName
	association, ok := a.clusters.association(cluster, pod)
	if !ok {
		return "", containers.ErrNoAssociation
	}
	pod.ClusterName, pod.SessionTags = cluster, association.SessionTags
	id := podID(node, pod)
	if r, ok := a.identity.Registration(id); ok && r.Instance.Containers.Pod == pod {
		a.pods.saw(id, a.world.now())
		return id, nil
	}
	late := time.NewTimer(podWait)
	defer late.Stop()
	beginning := a.pods.begin(id, func() error { return a.putPod(node, pod, association) })
	select {
	case <-beginning.done:
		return id, beginning.err
	case <-late.C:
	case <-ctx.Done():
	}
	return id, errPodBegins
}

// putPod registers a pod and serves it, with its association's role: on the disk and
// known to all rooms when it returns.
func (a *agentHalf) putPod(node rolestore.Instance, pod rolestore.Pod, association fileAssociation) error {
	profile, err := a.profiles.find(association.Profile)
	if err != nil {
		a.logger.Error("the role of a pod's association is not known", "instance_id", node.ID, "namespace", pod.Namespace, "service_account", pod.ServiceAccount, "err", err)
		if errors.Is(err, source.ErrAway) {
			return err
		}
		return containers.ErrNotGranted
	}
	a.changing.Lock()
	defer a.changing.Unlock()
	id := podID(node, pod)
	if now, ok := a.identity.Instance(node.ID); !ok || podID(now, pod) != id {
		return errors.New("its node has ended")
	}
	if now, ok := a.clusters.association(pod.ClusterName, pod); !ok || now != association {
		return errPodBegins // or not: the file has just changed
	}
	if n := a.podsOf(node.ID, id); n >= maxPods {
		return containers.ErrTooManyPods
	}
	a.link.releasing.Lock() // what is about to be released is put, and so kept
	defer a.link.releasing.Unlock()
	i := rolestore.Instance{
		ID: id, Profile: profile, Placement: node.Placement,
		PendingTime: a.world.now().UTC().Truncate(time.Second),
		Options:     rolestore.MetadataOptions{HTTPEndpoint: "disabled", HTTPTokens: "required", HTTPProtocolIPv6: "disabled"},
		Containers:  rolestore.ContainerCredentials{Pod: pod},
	}
	stored, err := a.identity.Put(hold.Registration{Instance: i, Node: node.ID})
	if err != nil {
		a.logger.Error("a pod is not on record, and has no credentials", "instance_id", id, "err", err)
		return errors.New("the agent could not write it down, see its log")
	}
	a.serve(stored.Instance)
	a.pods.saw(id, a.world.now())
	a.news.tell(id)
	return nil
}

// podsOf is how many pods the node has besides this one.
func (a *agentHalf) podsOf(node, besides string) (n int) {
	for _, r := range a.identity.Registrations() {
		if r.Node == node && r.Instance.ID != besides {
			n++
		}
	}
	return n
}

// settlePods is the task of ending the pods that have ended, as far as that is known here.
func (a *agentHalf) settlePods(ctx context.Context) error {
	ticker := time.NewTicker(podCheck)
	defer ticker.Stop()
	for {
		for _, r := range a.identity.Registrations() {
			if r.Node != "" {
				a.settlePod(r)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		case <-a.pods.wake:
		}
	}
}

// settlePod removes a pod that is to have no credentials any more, and puts one anew that
// is to have others.
func (a *agentHalf) settlePod(r hold.Registration) {
	id, pod := r.Instance.ID, r.Instance.Containers.Pod
	if why := a.podEnds(r); why != "" {
		a.logger.Info("a pod has ended", "instance_id", id, "node", r.Node, "reason", why)
		a.pods.forget(id)
		if err := a.remove(id); err != nil {
			a.logger.Error("a pod that has ended is not removed", "instance_id", id, "err", err)
		}
		return
	}
	node, _ := a.identity.Instance(r.Node)
	association, ok := a.clusters.association(pod.ClusterName, pod)
	if ok && (nameOf(r.Instance.Profile.ARN) != nameOf(association.Profile) || pod.SessionTags != association.SessionTags) {
		pod.SessionTags = association.SessionTags
		a.pods.begin(id, func() error { return a.putPod(node, pod, association) })
	}
}

// podEnds is why the pod is to have no credentials any more; empty if it is.
func (a *agentHalf) podEnds(r hold.Registration) string {
	pod := r.Instance.Containers.Pod
	node, ok := a.identity.Instance(r.Node)
	_, associated := a.clusters.association(pod.ClusterName, pod)
	switch {
	case !ok || podID(node, pod) != r.Instance.ID:
		return "its node has ended, or is of another cluster"
	case !associated:
		return "its association is gone"
	case a.pods.idle(r.Instance.ID, a.world.now()) > a.options.sessionDuration:
		return "it has not asked since the last credentials that it got have expired"
	}
	return ""
}
