package source

import (
	"context"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/rolecall/rolecall/rolestore/hosttoken"
)

// Joining is what a host that enrols with a core says.
type Joining struct {
	// URL is the core's, https://HOST[:PORT].
	URL        string
	Invitation hosttoken.Invitation
	// Authority is the certificate authority to trust, as PEM, for an invitation that
	// says nothing of one; empty means the system's.
	Authority string
	Host      string
	Key       *ecdsa.PrivateKey
	Now       func() time.Time
}

// Joined is what it has to remember.
type Joined struct {
	Account string
	Trust   Trust
}

// Join enrols a host with a core. If the invitation names the core's own authority,
// nothing is sent to anybody else.
func Join(ctx context.Context, j Joining) (Joined, error) {
	trust := Trust{Authority: j.Authority}
	j.URL = strings.TrimSuffix(j.URL, "/")
	client, endpoint, err := Dial(j.URL, trust)
	if err != nil {
		return Joined{}, err
	}
	if j.Invitation.Authority != nil {
		if !strings.HasPrefix(endpoint, "https:") {
			return Joined{}, errors.New("the join token is for a core that speaks TLS: use its https URL")
		}
		trust.Core = j.Invitation.Core
		transport := client.Transport.(*http.Transport) // Dial's own
		transport.TLSClientConfig = pinned(trust.Core, j.Invitation.Authority, func(pem string) { trust.Authority = pem })
	}
	public, err := x509.MarshalPKIXPublicKey(&j.Key.PublicKey)
	if err != nil {
		return Joined{}, err
	}
	body, err := json.Marshal(hosttoken.JoinRequest{Secret: j.Invitation.Secret, HostID: j.Host, PublicKey: public})
	if err != nil {
		return Joined{}, err
	}
	core := NewCore(CoreConfig{Client: client, Endpoint: endpoint, Host: j.Host, Key: j.Key, Core: j.Invitation.Core, Now: j.Now})
	defer client.CloseIdleConnections()
	var reply hosttoken.JoinReply
	if err := core.call(ctx, http.MethodPost, hosttoken.PathJoin, body, &reply); err != nil {
		return Joined{}, err
	}
	return Joined{Account: reply.Account, Trust: trust}, nil
}
