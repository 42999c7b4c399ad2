package cni

import (
	"errors"
	"fmt"
	"strings"

	"github.com/containernetworking/cni/pkg/skel"
	"github.com/containernetworking/cni/pkg/types"

	"github.com/rolecall/rolecall/cmd/rolecall/admin"
)

// del removes the registration. That there is none is success, as the specification
// wants.
//
// So is an agent that is not running, though the specification would allow an error,
// upon which runtimes try again: a container could not be removed while the agent is
// away, or after Rolecall was taken from the host. Nobody gets the role instead: the
// registration is bound to the device, not to its name, and the agent ends it at its
// next start when that device is gone. GC, or the same container's next ADD, clears
// the record away.
func (p *plugin) del(args *skel.CmdArgs) error {
	c, agent, err := p.read(args)
	if err != nil {
		return err
	}
	id := instanceID(c.Name, args.ContainerID, args.IfName)
	err = agent.Remove(p.ctx, id)
	if err == nil || errors.Is(err, admin.ErrNotFound) {
		return nil
	}
	if err = p.explain(c, err); absent(err) {
		_, _ = fmt.Fprintf(p.stderr, "rolecall: %s: instance %s, if it was registered, ends with its device: %v\n", attachmentName(c, args), id, err)
		return nil
	}
	return refused(attachmentName(c, args)+", keeps its role", err)
}

// check reports whether the container has its role, and is attached as it was added.
func (p *plugin) check(args *skel.CmdArgs) error {
	c, agent, err := p.read(args)
	if err != nil {
		return err
	}
	profile, err := c.profile(args)
	if err != nil {
		return err
	}
	result, err := c.previous()
	if profile == (admin.Profile{}) || err != nil {
		return err
	}
	s, err := openSandbox(args.Netns)
	if err != nil {
		return err
	}
	defer s.close()
	w, err := s.find(args.IfName, claimed(result, args.IfName))
	if err != nil {
		return err
	}
	from, err := s.sources(w, &c.MetadataOptions)
	if err != nil {
		return err
	}
	now, err := s.attachment(w, from)
	if err != nil {
		return err
	}
	what := attachmentName(c, args)
	i, err := agent.Ready(p.ctx, instanceID(c.Name, args.ContainerID, args.IfName), c.wait)
	switch {
	case errors.Is(err, admin.ErrNotFound):
		return types.NewError(codeChanged, "rolecall: "+what+", has no role", err.Error())
	case err != nil:
		return refused(what+", has its role no more", p.explain(c, err))
	case !i.AttachmentDetails.Same(now):
		return failure(codeChanged, "rolecall: %s, is at %s now, but its role is for %s: add it again", what, now, i.Attachment)
	}
	return nil
}

// gc removes what was registered for this network and is not there any more.
func (p *plugin) gc(args *skel.CmdArgs) error {
	c, agent, err := p.read(args)
	if err != nil {
		return err
	}
	all, err := agent.List(p.ctx)
	if err != nil {
		return refused("network "+c.Name+": garbage collection", p.explain(c, err))
	}
	valid := map[string]bool{}
	for _, a := range c.ValidAttachments {
		valid[instanceID(c.Name, a.ContainerID, a.IfName)] = true
	}
	var failed []error
	for _, i := range all {
		at := i.AttachmentDetails
		if valid[i.ID] || !strings.HasPrefix(i.ID, networkPrefix(c.Name)) || at.Host || at.Reattach != "" {
			continue
		}
		if err := agent.Remove(p.ctx, i.ID); err != nil && !errors.Is(err, admin.ErrNotFound) {
			failed = append(failed, fmt.Errorf("instance %s: %w", i.ID, err))
		}
	}
	if err := errors.Join(failed...); err != nil {
		return refused("network "+c.Name+": garbage collection", err)
	}
	return nil
}

// status reports whether the agent answers. Without it ADD cannot be served, and
// running containers get no credentials.
func (p *plugin) status(args *skel.CmdArgs) error {
	c, agent, err := p.read(args)
	if err != nil {
		return err
	}
	if _, err = agent.Status(p.ctx); err == nil {
		return nil
	}
	code := uint(codeUnavailable)
	if err = p.explain(c, err); absent(err) {
		code = codeLimited
	}
	return types.NewError(code, "rolecall: the agent cannot be asked for roles", err.Error())
}
