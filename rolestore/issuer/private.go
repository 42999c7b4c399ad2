package issuer

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"regexp"

	"github.com/rolecall/rolecall/rolestore/issuer/caller"
	"github.com/rolecall/rolecall/rolestore/issuer/policy"
	"github.com/rolecall/rolecall/rolestore/surface"
	"github.com/rolecall/rolecall/rolestore/verify/wire"
)

// Endpoint is a private endpoint: a listener of its own, for a network that shall reach
// the core and, at the core, only what a policy lets through.
type Endpoint struct {
	// ID is aws:SourceVpce of what comes through it.
	ID string
	// Policy is a document with principals, JSON; everything, if it is empty, as on AWS.
	Policy []byte
}

var endpointID = regexp.MustCompile(`^vpce-[0-9a-f]{8,17}$`)

// wholeAccess is AWS's own policy for an endpoint that has none
// (https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-endpoints-access.html#default-endpoint-policy).
const wholeAccess = `{"Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}`

// Private returns the server of a private endpoint. It answers AWS's APIs and services
// that rely on the core, as no policy would narrow what hosts ask for.
func (c *Core) Private(e Endpoint) (*http.Server, error) {
	if !endpointID.MatchString(e.ID) {
		return nil, fmt.Errorf("vpc_endpoint_id %q: want vpce- and 8 to 17 hexadecimal digits", e.ID)
	}
	text := e.Policy
	if len(text) == 0 {
		text = []byte(wholeAccess)
	}
	document, err := policy.Parse(policy.Resource, text)
	if err != nil {
		return nil, fmt.Errorf("endpoint %s: policy_document: %w", e.ID, err)
	}
	endpoint := &caller.Endpoint{ID: e.ID, Policy: policy.Policy{Name: "policy of " + e.ID, Document: document}}
	services := surface.Engine()
	services.POST(wire.Path, c.relying.Answer)
	server := surface.Server(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == wire.Path {
			services.ServeHTTP(w, r)
			return
		}
		c.front.ServeHTTP(w, r)
	}), c.config.Logger)
	server.BaseContext = func(net.Listener) context.Context { return endpoint.Through(context.Background()) }
	return server, nil
}
