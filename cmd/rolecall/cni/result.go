package cni

import (
	"encoding/json"
	"io"
	"net/netip"

	"github.com/containernetworking/cni/pkg/types"
	types100 "github.com/containernetworking/cni/pkg/types/100"
	"github.com/containernetworking/cni/pkg/types/create"
)

// previous decodes what the plugins before this one did, whatever its version.
func (c *config) previous() (*types100.Result, error) {
	if c.PrevResult == nil {
		return nil, failure(types.ErrInvalidNetworkConfig,
			"network %s: rolecall makes no interface: put it in a plugins list after one that does, such as bridge", c.Name)
	}
	text, err := c.passedOn()
	if err != nil {
		return nil, err
	}
	result, err := create.Create(c.CNIVersion, text)
	if err != nil {
		return nil, failure(types.ErrDecodingFailure, "network %s: prevResult: %v", c.Name, err)
	}
	r, err := types100.NewResultFromResult(result)
	if err != nil {
		return nil, failure(types.ErrDecodingFailure, "network %s: prevResult: %v", c.Name, err)
	}
	return r, nil
}

// passedOn is the previous result as it came. Versions before 1.0.0 need not say
// which they are.
func (c *config) passedOn() ([]byte, error) {
	version, err := json.Marshal(c.CNIVersion)
	if err != nil {
		return nil, err
	}
	c.PrevResult["cniVersion"] = version
	return json.Marshal(c.PrevResult)
}

func (c *config) print(w io.Writer) error {
	text, err := c.passedOn()
	if err != nil {
		return err
	}
	if _, err := w.Write(append(text, '\n')); err != nil {
		return failure(types.ErrIOFailure, "the result cannot be written: %v", err)
	}
	return nil
}

// claim is what a result says of the container's interface.
type claim struct {
	made  bool // that it exists
	mac   string
	addrs []netip.Addr
}

// claimed picks out the interface of that name. Addresses of which the result does
// not say whose they are are taken for its own, as there was one interface in the
// versions that could not say.
func claimed(r *types100.Result, ifname string) claim {
	var c claim
	own := func(index *int) bool {
		if index == nil {
			return true
		}
		if *index < 0 || *index >= len(r.Interfaces) || r.Interfaces[*index] == nil {
			return false
		}
		i := r.Interfaces[*index]
		return i.Sandbox != "" && i.Name == ifname
	}
	for n, i := range r.Interfaces {
		if own(&n) {
			c.made, c.mac = true, i.Mac
		}
	}
	for _, ip := range r.IPs {
		if ip == nil || !own(ip.Interface) {
			continue
		}
		if addr, ok := netip.AddrFromSlice(ip.Address.IP); ok {
			c.addrs = append(c.addrs, addr.Unmap())
		}
	}
	return c
}
