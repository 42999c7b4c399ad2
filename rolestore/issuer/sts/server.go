package sts

import (
	"time"

	"github.com/rolecall/rolecall/rolestore/issuer/caller"
	"github.com/rolecall/rolecall/rolestore/issuer/directory"
	"github.com/rolecall/rolecall/rolestore/issuer/front"
	"github.com/rolecall/rolecall/rolestore/issuer/hosts"
	"github.com/rolecall/rolecall/rolestore/issuer/oidc"
	"github.com/rolecall/rolecall/rolestore/issuer/query"
)

const (
	// service is the signing name of this API.
	service   = "sts"
	version   = "2011-06-15"
	namespace = "https://sts.amazonaws.com/doc/2011-06-15/"
)

// Directory is where the definitions are looked up.
type Directory interface {
	// Snapshot returns them as they are now. It is called for each request and
	// must not block.
	Snapshot() *directory.Snapshot
}

// Codes takes codes of MFA devices.
type Codes interface {
	// UseCode reports whether the code of that time step may be used, which it may once.
	UseCode(device *directory.MFADevice, step int64) (bool, error)
}

// Config is what [New] needs.
type Config struct {
	Directory Directory
	// Codes are used where the directory is kept. It may be nil without MFA devices.
	Codes Codes
	// URL is where parties outside reach this service, without a slash at its end; the
	// issuer of the tokens of GetWebIdentityToken is below it. Empty means that they do
	// not, and there are no such tokens.
	URL string
	// Domain is the site's: sts.<Domain> is the global endpoint and sts.<region>.<Domain>
	// that of a region, in lower case. It may be empty.
	Domain string
	// Desk is where hosts redeem their tokens.
	Desk *hosts.Desk
	// Keys are those of identity providers.
	Keys Keys
	// AccessTokens are those of Amazon and Facebook.
	AccessTokens AccessTokens
	// WellKnown are where providers are that need no object.
	WellKnown oidc.WellKnown
	// Now is the wall clock.
	Now func() time.Time
}

// Server has the operations.
type Server struct {
	config  Config
	codes   Codes
	guesses *front.Limiter[string] // of MFA codes, by user
}

// New returns the operations, and opens them at the door.
func New(c Config, door *front.Server) *Server {
	s := &Server{config: c, codes: c.Codes, guesses: newGuesses()}
	door.Serve(front.API{
		Service: service, Version: version, Namespace: namespace,
		Logged:   []front.Logged{{Parameter: "RoleArn", Key: "role_arn"}, {Parameter: "RoleSessionName", Key: "session"}},
		Endpoint: func(host string) bool { return s.endpoint(host) != "" },
		Fits:     s.regionFits, Find: s.find,
	})
	s.discovery(door)
	return s
}

// find returns the operation that is asked for.
func (s *Server) find(r *query.Request) (front.Operation, bool) {
	known, ok := actions[r.Action]
	if !ok || known.regional && s.endpoint(r.Host) == globalRegion {
		return front.Operation{}, false
	}
	return front.Operation{Unsigned: !known.signed, Resource: r.Form.Get("RoleArn"), Do: func(asked *caller.Call) ([]query.Element, error) {
		c := &call{Call: asked, Server: s, desk: s.config.Desk}
		if known.signed {
			if err := c.admit(); err != nil {
				return nil, err
			}
		}
		return known.do(c)
	}}, true
}
