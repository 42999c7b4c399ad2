package cni

import (
	"cmp"
	"encoding/json"
	"fmt"
	"time"

	"github.com/containernetworking/cni/pkg/skel"
	"github.com/containernetworking/cni/pkg/types"

	"github.com/rolecall/rolecall/cmd/rolecall/admin"
	"github.com/rolecall/rolecall/rolestore"
)

const (
	// defaultSocket is where the agent of a service listens.
	defaultSocket = "/run/rolecall/agent.sock"
	// defaultWait is how long a container waits for its first credentials. Most come
	// in a fraction of a second; the issuer may be slow, or the agent just started.
	defaultWait = 30 * time.Second
	// maxWait is the longest that the agent's API waits.
	maxWait = 5 * time.Minute
)

// config is this plugin's part of a network configuration, with what the runtime
// adds to it.
type config struct {
	CNIVersion string `json:"cniVersion"`
	// Name is the network's.
	Name string `json:"name"`
	// AdminSocket is the path of the agent's admin socket.
	AdminSocket string `json:"adminSocket"`
	// Profile is the instance profile of containers that ask for none, by its name or
	// ARN, or in full for an agent that cannot look it up. Without one they have no
	// role.
	Profile admin.Profile `json:"profile"`
	// Wait is a Go duration from 0s to 5m: how long a container waits for its role.
	Wait string `json:"wait"`
	// MetadataOptions are as in an instance's document, with EC2's defaults.
	MetadataOptions rolestore.MetadataOptions `json:"metadataOptions"`

	// RuntimeConfig is what the runtime passes for the capability "rolecall".
	RuntimeConfig struct {
		Rolecall request `json:"rolecall"`
	} `json:"runtimeConfig"`
	// Args is what it passes by the older convention
	// (https://github.com/containernetworking/cni/blob/spec-v1.1.0/CONVENTIONS.md).
	Args struct {
		CNI struct {
			Rolecall request `json:"rolecall"`
		} `json:"cni"`
	} `json:"args"`

	// PrevResult is kept as it came, so that it can be passed on as it is.
	PrevResult map[string]json.RawMessage `json:"prevResult"`
	// ValidAttachments is there for GC alone.
	ValidAttachments []types.GCAttachment `json:"cni.dev/valid-attachments"`

	wait time.Duration
}

// request is what is asked for one container.
type request struct {
	Profile admin.Profile `json:"profile"`
}

// environmentArgs are the keys of CNI_ARGS that this plugin knows. A value has no
// "=" and no ";" in it (types.LoadArgs).
type environmentArgs struct {
	types.CommonArgs
	//nolint:staticcheck // the field's name is the key
	ROLECALL_PROFILE types.UnmarshallableString
	// Kubernetes and those that speak like it pass these to every plugin.
	//nolint:staticcheck // the field's name is the key
	K8S_POD_NAMESPACE, K8S_POD_NAME, K8S_POD_INFRA_CONTAINER_ID, K8S_POD_UID types.UnmarshallableString
}

// readConfig decodes what the runtime passes on stdin.
func readConfig(text []byte) (*config, error) {
	c := &config{}
	if err := json.Unmarshal(text, c); err != nil {
		return nil, failure(types.ErrDecodingFailure, "network configuration: %v", err)
	}
	c.AdminSocket = cmp.Or(c.AdminSocket, defaultSocket)
	c.wait = defaultWait
	if c.Wait != "" {
		var err error
		if c.wait, err = time.ParseDuration(c.Wait); err != nil || c.wait < 0 || c.wait > maxWait {
			return nil, failure(types.ErrInvalidNetworkConfig, "network %s: wait %q: want a duration from 0s to %s, such as 30s", c.Name, c.Wait, maxWait)
		}
	}
	return c, nil
}

// profile is the instance profile that is asked for, or empty. What the runtime says
// of this container goes before what the network says of all. The order of the ways
// by which it can is the conventions': CNI_ARGS is ignored where args has the same.
func (c *config) profile(args *skel.CmdArgs) (admin.Profile, error) {
	var env environmentArgs
	if err := types.LoadArgs(args.Args, &env); err != nil {
		return admin.Profile{}, failure(types.ErrInvalidEnvironmentVariables, "CNI_ARGS %q: %v: this plugin takes ROLECALL_PROFILE=NAME; put IgnoreUnknown=1 before what is for others", args.Args, err)
	}
	return cmp.Or(c.RuntimeConfig.Rolecall.Profile, c.Args.CNI.Rolecall.Profile, admin.Profile{Reference: string(env.ROLECALL_PROFILE)}, c.Profile), nil
}

// attachmentName names the attachment in messages.
func attachmentName(c *config, args *skel.CmdArgs) string {
	return fmt.Sprintf("container %s, %s on network %s", args.ContainerID, args.IfName, c.Name)
}
