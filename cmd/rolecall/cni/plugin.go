package cni

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/containernetworking/cni/pkg/skel"
	"github.com/containernetworking/cni/pkg/version"

	"github.com/rolecall/rolecall/cmd/rolecall/admin"
	"github.com/rolecall/rolecall/rolestore"
)

// undoTimeout bounds taking back a registration after ctx has ended.
const undoTimeout = 10 * time.Second

// Main carries out the one command that is in the process's environment
// (CNI_COMMAND) and on its stdin, writes the result to its stdout and returns the
// exit status. The caller looks whether CNI_COMMAND is set; what ends ctx ends the
// command, and takes back what it did.
func Main(ctx context.Context) int {
	p := &plugin{ctx: ctx, stdout: os.Stdout, stderr: os.Stderr}
	failed := skel.PluginMainFuncsWithError(skel.CNIFuncs{
		Add: p.add, Del: p.del, Check: p.check, GC: p.gc, Status: p.status,
	}, version.VersionsStartingFrom("0.3.0"), "")
	if failed == nil {
		return 0
	}
	if err := printFailure(p.stdout, cmp.Or(p.version, version.Current()), failed); err != nil {
		_, _ = fmt.Fprintln(p.stderr, "rolecall:", failed, err)
	}
	return 1
}

// plugin is one call of the plugin.
type plugin struct {
	ctx            context.Context
	stdout, stderr io.Writer
	version        string // of the specification, as the configuration has it
}

// read reads the configuration of any command.
func (p *plugin) read(args *skel.CmdArgs) (*config, *admin.Client, error) {
	c, err := readConfig(args.StdinData)
	if err != nil {
		return nil, nil, err
	}
	p.version = c.CNIVersion
	return c, admin.NewClient(c.AdminSocket), nil
}

// add registers the container and waits until its role is there.
func (p *plugin) add(args *skel.CmdArgs) error {
	c, agent, err := p.read(args)
	if err != nil {
		return err
	}
	profile, err := c.profile(args)
	if err != nil {
		return err
	}
	result, err := c.previous()
	if err != nil {
		return err
	}
	if profile == (admin.Profile{}) {
		return c.print(p.stdout)
	}
	s, err := openSandbox(args.Netns)
	if err != nil {
		return err
	}
	defer s.close()
	d := admin.Document{
		InstanceID: instanceID(c.Name, args.ContainerID, args.IfName),
		Profile:    profile,
		Options:    c.MetadataOptions,
	}
	w, err := s.find(args.IfName, claimed(result, args.IfName))
	if err != nil {
		return err
	}
	if d.Attachment, err = s.admit(w, &d.Options); err != nil {
		return err
	}
	what := fmt.Sprintf("%s, does not get the role of profile %s", attachmentName(c, args), cmp.Or(profile.Reference, profile.Full.ARN))
	if err := p.vacant(agent, d); err != nil {
		return refused(what, p.explain(c, err))
	}
	if err := p.register(agent, c, d); err != nil {
		return refused(what, p.explain(c, err))
	}
	if err := c.print(p.stdout); err != nil {
		return errors.Join(err, p.undo(agent, d.InstanceID))
	}
	return nil
}

// admit lets the container reach the metadata addresses, and returns how its requests
// arrive. The kernel's choice of a source may be another once there is a route.
func (s *sandbox) admit(w way, options *rolestore.MetadataOptions) (rolestore.Attachment, error) {
	from, err := s.sources(w, options)
	if err != nil {
		return rolestore.Attachment{}, err
	}
	if err := s.reach(w, from); err != nil {
		return rolestore.Attachment{}, err
	}
	if from, err = s.sources(w, options); err != nil {
		return rolestore.Attachment{}, err
	}
	return s.attachment(w, from)
}

// vacant refuses an id that a container has which is there. One that has ended, or
// the same container once more, may be put again.
func (p *plugin) vacant(agent *admin.Client, d admin.Document) error {
	known, err := agent.Instance(p.ctx, d.InstanceID)
	switch {
	case errors.Is(err, admin.ErrNotFound):
		return nil
	case err != nil:
		return err
	case known.State == admin.StateAttached && !known.AttachmentDetails.Same(d.Attachment):
		return fmt.Errorf("%w: instance %s is %s already: remove it with `rolecall instance rm %[2]s` if that is the same container", admin.ErrConflict, d.InstanceID, known.Attachment)
	}
	return nil
}

// register has the instance served, or leaves nothing of it.
func (p *plugin) register(agent *admin.Client, c *config, d admin.Document) error {
	_, err := agent.Put(p.ctx, d)
	if err == nil {
		_, err = agent.Ready(p.ctx, d.InstanceID, c.wait)
	}
	if err != nil {
		return errors.Join(err, p.undo(agent, d.InstanceID))
	}
	return nil
}

// undo takes a registration back, also when the command is being ended. Whether a
// call that failed halfway registered anything is not known, so there may be none.
func (p *plugin) undo(agent *admin.Client, id string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(p.ctx), undoTimeout)
	defer cancel()
	if err := agent.Remove(ctx, id); err != nil && !errors.Is(err, admin.ErrNotFound) {
		return fmt.Errorf("instance %s stays registered until its device goes: %w", id, err)
	}
	return nil
}

// explain adds to the error of a call what its client does not tell: whether there
// is an agent at all.
func (p *plugin) explain(c *config, err error) error {
	var d net.Dialer
	conn, dialed := d.DialContext(context.WithoutCancel(p.ctx), "unix", c.AdminSocket)
	if dialed == nil {
		_ = conn.Close()
		return err
	}
	if absent(dialed) {
		return fmt.Errorf("%w: start the agent (rolecall agent, or rolecall up), or name its socket with adminSocket in network %s", dialed, c.Name)
	}
	return err
}
