package front

import (
	"github.com/rolecall/rolecall/rolestore/issuer/caller"
	"github.com/rolecall/rolecall/rolestore/issuer/query"
	"github.com/rolecall/rolecall/rolestore/issuer/sigv4"
)

// API is one of AWS's services.
type API struct {
	// Service is its name in the scope of signatures.
	Service string
	// Version is that of its model, and Namespace that of its replies.
	Version, Namespace string
	// Logged are the parameters that a line of the log has. None is a secret.
	Logged []Logged
	// Endpoint reports whether a host name, in lower case, is one of AWS's names of the
	// service. A site whose resolver points them here serves clients that cannot be told
	// of another.
	Endpoint func(host string) bool
	// Fits reports whether a caller of that host name may have signed for the region.
	Fits func(host, region string) bool
	// Find returns the operation that a request names.
	Find func(*query.Request) (Operation, bool)

	verifier *sigv4.Verifier
}

// Logged is a parameter and what it is called in the log.
type Logged struct{ Parameter, Key string }

// Operation is one of an API.
type Operation struct {
	// Unsigned is true for those that present a token of another issuer.
	Unsigned bool
	// Resource is what it acts on, as far as the request itself says that; empty means *.
	Resource string
	// Long is true for those that take more than [query.MaxParameters].
	Long bool
	// Do checks the parameters, authorises the caller, and does it.
	Do func(*caller.Call) ([]query.Element, error)
}

// Serve adds an API. The first is the one in whose words a request of none is refused.
func (s *Server) Serve(api API) {
	api.verifier = sigv4.NewVerifier(api.Service)
	s.apis = append(s.apis, &api)
	for _, domain := range s.domains {
		s.known = append(s.known, api.Service+"."+domain)
	}
}

// named is the API whose name of AWS's a host name is, or nil.
func (s *Server) named(host string) *API {
	for _, api := range s.apis {
		if api.Endpoint(host) {
			return api
		}
	}
	return nil
}

// find returns the API that a request is for, or nil.
func (s *Server) find(r *query.Request) *API {
	if api := s.named(r.Host); api != nil {
		if api.Version != r.Version {
			return nil
		}
		return api
	}
	for _, api := range s.apis {
		if api.Version == r.Version {
			return api
		}
	}
	return nil
}

// names are those that a request may call us by. AWS's own are nobody's to point at
// us but our operator's.
func (s *Server) names(r *query.Request) []string {
	if s.named(r.Host) != nil {
		return []string{r.Host}
	}
	return s.known
}
