package main

import (
	"context"
	"fmt"

	"github.com/rolecall/rolecall/cmd/rolecall/admin"
	"github.com/rolecall/rolecall/network"
	"github.com/rolecall/rolecall/rolestore"
	"github.com/rolecall/rolecall/rolestore/hold"
)

// Put implements [admin.Instances].
func (a *agentHalf) Put(ctx context.Context, d admin.Document) (admin.Instance, error) {
	if d.Attachment.Host {
		return admin.Instance{}, fmt.Errorf("%w: the machine itself is attached by rolecall up", admin.ErrConflict)
	}
	i, err := a.define(d)
	if err != nil {
		return admin.Instance{}, err
	}
	if err := a.put(ctx, hold.Registration{Instance: i}); err != nil {
		return admin.Instance{}, err
	}
	if err := a.deeds.wait(ctx); err != nil { // what it is bound to is on record too
		return admin.Instance{}, err
	}
	shown, _ := a.Instance(i.ID)
	return shown, nil
}

// define is the instance of a document, with its profile looked up.
func (a *agentHalf) define(d admin.Document) (rolestore.Instance, error) {
	i, err := d.Instance(a.region)
	if err != nil {
		return i, err
	}
	if name := i.Containers.Cluster(); name != "" && a.clusters.named(name) == nil {
		return i, fmt.Errorf("%w: container_credentials: cluster_name %q: no such cluster is in %s: add it there", admin.ErrInvalid, name, a.options.clustersFile)
	}
	if d.Profile.Reference == "" {
		return i, nil
	}
	if i.Profile, err = a.profiles.find(d.Profile.Reference); err != nil {
		return i, fmt.Errorf("%w: iam_instance_profile: %w", admin.ErrInvalid, err)
	}
	return i, nil
}

// Remove implements [admin.Instances].
func (a *agentHalf) Remove(ctx context.Context, id string) error {
	r, ok := a.identity.Registration(id)
	switch {
	case !ok:
		return fmt.Errorf("%w: instance %s is not registered here", admin.ErrNotFound, id)
	case r.File || r.Node != "" || r.Instance.Attachment.Host:
		return fmt.Errorf("%w: instance %s is defined %s: remove it there", admin.ErrConflict, id, a.whence(r))
	}
	if err := a.remove(id); err != nil {
		return err
	}
	a.release(ctx, id) // by now if the core is there, or later
	return nil
}

// Ready implements [admin.Instances].
func (a *agentHalf) Ready(ctx context.Context, id string) (admin.Instance, error) {
	for {
		news := a.news.of(id)
		i, ok := a.Instance(id)
		switch {
		case !ok:
			return i, fmt.Errorf("%w: instance %s is not registered here", admin.ErrNotFound, id)
		case i.State == admin.StateEnded:
			return i, fmt.Errorf("%w: %s", admin.ErrEnded, i.StateReason)
		case i.State == admin.StateAttached && a.hasValid(i):
			_ = a.cache.Flush() // a full disk is logged, shown by status, and no reason not to serve
			return i, nil
		}
		select {
		case <-ctx.Done():
			return i, ctx.Err()
		case <-news:
		}
	}
}

// awaitReady is Ready for the machine itself, which is never removed: false means that
// the end of the process came first.
func (a *agentHalf) awaitReady(ctx context.Context, id string) (admin.Instance, bool) {
	i, err := a.Ready(ctx, id)
	return i, err == nil
}

// hasValid reports whether an instance has valid credentials, or needs none.
func (a *agentHalf) hasValid(i admin.Instance) bool {
	if i.RoleARN == "" {
		return true
	}
	schedule, ok := a.rotator.Schedule(i.ID)
	return ok && schedule.Autonomy(a.world.now()) > 0
}

// Instance implements [admin.View].
func (a *agentHalf) Instance(id string) (admin.Instance, bool) {
	r, ok := a.identity.Registration(id)
	if !ok {
		return admin.Instance{}, false
	}
	i, definition := a.show(r), admin.DocumentOf(r.Instance)
	i.Definition = &definition
	return i, true
}

// states are the network's phases in the words of the API.
var states = map[network.Phase]admin.State{
	network.Waiting: admin.StateWaiting, network.Attached: admin.StateAttached,
	network.Failed: admin.StateFailed, network.Lost: admin.StateEnded,
}

// show is a registration with all that the rooms know of it.
func (a *agentHalf) show(r hold.Registration) admin.Instance {
	id := r.Instance.ID
	i := admin.Instance{
		ID: id, State: admin.StateWaiting,
		Attachment: r.Instance.Attachment.String(), AttachmentDetails: r.Instance.Attachment,
		Endpoints: []string{}, RoleARN: r.Instance.Profile.Role.ARN,
	}
	at := id
	if r.Node != "" {
		pod := r.Instance.Containers.Pod
		i.Attachment, at = "pod "+pod.Namespace+"/"+pod.Name+" on "+r.Node, r.Node
	}
	if status, ok := a.network.Status(at); ok {
		i.State, i.StateReason = states[status.Phase], status.Reason
		for _, address := range status.Served {
			i.Endpoints = append(i.Endpoints, baseURL(address))
		}
		i.ConnectionsRefused = status.TurnedAway
	}
	if s, ok := a.rotator.Schedule(id); ok {
		i.AccessKeyID = s.Credentials.AccessKeyID
		i.Expiration = instant(s.Credentials.Expiration)
		i.LastRefresh = instant(s.Credentials.LastUpdated)
		i.NextRefresh = instant(s.Next)
		i.Failures = s.Failures
		if s.Err != nil {
			i.LastError = s.Err.Error()
		}
	}
	calls := a.imds.Calls(id)
	i.MetadataNoToken, i.MetadataNoTokenRejected = calls.NoToken, calls.NoTokenRejected
	i.BrowserRequestsRefused = calls.Browser
	i.RequestsThrottled, i.TokensThrottled = calls.Throttled, calls.TokensThrottled
	i.RequestsUnread = calls.Unread
	if r, ok := a.imds.LastRefusal(id); ok {
		i.LastRefusal = &admin.Refusal{Time: r.Time, Peer: r.Peer, Path: r.Path, Status: r.Status, Reason: r.Reason, Remedy: r.Remedy}
	}
	return i
}

// Status implements [admin.View].
func (a *agentHalf) Status() admin.Status {
	status := admin.Status{Version: buildVersion(), Started: a.started, Instances: []admin.Instance{}}
	for _, r := range a.identity.Registrations() {
		status.Instances = append(status.Instances, a.show(r))
	}
	enrolment, _ := a.identity.Enrolment()
	status.Issuer = enrolment.Issuer
	status.Notes = append(append([]string{}, a.notes...), a.files.notes()...)
	status.Notes = append(status.Notes, a.clusters.notes()...)
	if a.advice != nil {
		status.Notes = append(status.Notes, a.advice()...)
	}
	if err := a.cache.Err(); err != nil {
		status.Notes = append(status.Notes, "Credentials are served but not stored, and a restart would have to fetch them anew: "+err.Error())
	}
	if note := a.link.note(); note != "" {
		status.Notes = append(status.Notes, note)
	}
	if note := a.signatures.note(); note != "" {
		status.Notes = append(status.Notes, note)
	}
	ports := a.network.Ports()
	status.PortMode, status.Port = string(ports.Mode), ports.Port
	if ports.Because != "" {
		status.Notes = append(status.Notes, fmt.Sprintf("Requests come by port mode %s, as %s", ports.Mode, ports.Because))
	}
	refused, err := a.network.Refused()
	if err != nil {
		status.Notes = append(status.Notes, "The counters of refused packets cannot be read: "+err.Error())
	}
	status.RefusedPackets, status.Mended = refused, a.network.Mended()
	return status
}
