package issuer

import (
	"context"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/rolecall/rolecall/rolestore/hosttoken"
	"github.com/rolecall/rolecall/rolestore/issuer/directory"
	"github.com/rolecall/rolecall/rolestore/issuer/hosts"
	"github.com/rolecall/rolecall/rolestore/surface"
)

// maxHostBody bounds a request of a host's, in bytes.
const maxHostBody = 4 << 10

// hostAPI answers hosts.
type hostAPI struct {
	*Core
	stopping context.Context // ends with the server, and with it the streams
}

// limit bounds what one source may ask. Each call costs the check of a signature, by a
// key that whoever joins brings along.
func (a *hostAPI) limit(g *gin.Context) {
	if !a.callers.Allow(g.Request, a.config.Now()) {
		g.AbortWithStatusJSON(http.StatusTooManyRequests, hosttoken.Refusal{Message: "too many calls of one source: try again later"})
	}
}

// host returns the host that makes the request, or answers the refusal and returns
// nil.
func (a *hostAPI) host(g *gin.Context) *directory.Host {
	host, err := a.caller(g)
	if err != nil {
		a.refuse(g, "", err)
		return nil
	}
	return host
}

var errNoToken = errors.New("the header Authorization has no bearer token")

func (a *hostAPI) caller(g *gin.Context) (*directory.Host, error) {
	token, ok := bearer(g.Request)
	if !ok || surface.FromPage(g.Request) {
		return nil, errNoToken
	}
	return a.desk.Call(token, g.Request.Method, g.Request.URL.Path, a.config.Now())
}

// bearer returns the token of a request (RFC 6750 section 2.1).
func bearer(r *http.Request) (string, bool) {
	return strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
}

// refuse is the one place where an error becomes a refusal, and a line of the log.
func (a *hostAPI) refuse(g *gin.Context, host string, err error) {
	status, body := http.StatusInternalServerError, hosttoken.Refusal{Message: "internal error: see the core's log"}
	for _, r := range []struct {
		err     error
		status  int
		message string
		code    string
	}{
		{hosttoken.ErrUnknownHost, http.StatusForbidden, hosttoken.ErrUnknownHost.Error() + ": join again", hosttoken.CodeUnknownHost},
		{hosttoken.ErrExpired, http.StatusUnauthorized, "the token has expired: check the clocks of host and core", ""},
		{hosttoken.ErrInvalid, http.StatusUnauthorized, "the token is not valid for this core: check the clocks of host and core, and that the URL is that of the core which the host joins or has joined", ""},
		{hosts.ErrReplayed, http.StatusUnauthorized, "the token was used before, or is from before the start of this core", ""},
		{hosts.ErrBusy, http.StatusTooManyRequests, hosts.ErrBusy.Error(), ""},
		{hosts.ErrDenied, http.StatusForbidden, "the token is for another request", ""},
		{errNoToken, http.StatusUnauthorized, errNoToken.Error(), ""},
		{directory.ErrJoinToken, http.StatusForbidden, directory.ErrJoinToken.Error(), ""},
		{directory.ErrHostTaken, http.StatusConflict, directory.ErrHostTaken.Error(), ""},
		{directory.ErrNotFound, http.StatusNotFound, "there is nothing of that name that is this host's", ""},
		{errMalformed, http.StatusBadRequest, errMalformed.Error(), ""},
		{errDeclared, http.StatusBadRequest, err.Error(), ""},
	} {
		if errors.Is(err, r.err) {
			status, body = r.status, hosttoken.Refusal{Message: r.message, Code: r.code}
			break
		}
	}
	log := a.config.Logger.Info
	if status == http.StatusInternalServerError {
		log = a.config.Logger.Error
	}
	log("host refused", "host", host, "method", g.Request.Method, "path", cut(g.Request.URL.Path), "status", status, "err", err, "peer", g.Request.RemoteAddr)
	g.JSON(status, body)
}

// cut bounds what an unknown caller may write into the log.
func cut(text string) string {
	const longest = 128 // bytes
	return text[:min(len(text), longest)]
}

var errMalformed = errors.New("the request is no JSON of a join request with a P-256 key")

// join answers [hosttoken.PathJoin]. The secret is looked at last, so that only who
// holds the key uses an invitation up.
func (a *hostAPI) join(g *gin.Context) {
	asked, key, err := readJoin(g)
	if err != nil {
		a.refuse(g, "", err)
		return
	}
	token, ok := bearer(g.Request)
	if !ok || surface.FromPage(g.Request) {
		a.refuse(g, "", errNoToken)
		return
	}
	now := a.config.Now()
	var account string
	err = a.desk.Join(token, asked.HostID, key, now, func() (err error) {
		account, err = a.directory.Join(asked.Secret, directory.Host{ID: asked.HostID, Key: key}, now)
		return err
	})
	if err != nil {
		a.refuse(g, asked.HostID, err)
		return
	}
	a.config.Logger.Info("host joined", "host", asked.HostID, "account", account, "peer", g.Request.RemoteAddr)
	g.JSON(http.StatusOK, hosttoken.JoinReply{Account: account})
}

func readJoin(g *gin.Context) (hosttoken.JoinRequest, *ecdsa.PublicKey, error) {
	var asked hosttoken.JoinRequest
	if err := json.NewDecoder(http.MaxBytesReader(g.Writer, g.Request.Body, maxHostBody)).Decode(&asked); err != nil {
		return asked, nil, errMalformed
	}
	parsed, err := x509.ParsePKIXPublicKey(asked.PublicKey)
	key, ok := parsed.(*ecdsa.PublicKey)
	if err != nil || !ok || !directory.ValidHost(asked.HostID, key) {
		return asked, nil, errMalformed
	}
	return asked, key, nil
}

// release answers a DELETE of [hosttoken.PathLeases].
func (a *hostAPI) release(g *gin.Context) {
	host := a.host(g)
	if host == nil {
		return
	}
	lease, err := a.directory.Release(g.Param("id"), host.ID)
	if err != nil {
		a.refuse(g, host.ID, err)
		return
	}
	a.config.Logger.Info("lease released", "instance_id", lease.InstanceID, "host", host.ID)
	g.Status(http.StatusNoContent)
}

// revoke answers a POST below [hosttoken.PathLeases].
func (a *hostAPI) revoke(g *gin.Context) {
	host := a.host(g)
	if host == nil {
		return
	}
	lease, err := a.directory.Revoke(g.Param("id"), host.ID, a.config.Now())
	if err != nil {
		a.refuse(g, host.ID, err)
		return
	}
	a.config.Logger.Info("sessions of an instance revoked", "instance_id", lease.InstanceID, "host", host.ID)
	g.JSON(http.StatusOK, a.desk.State(host.ID, lease.InstanceID))
}

// profile answers [hosttoken.PathProfiles]. One that is not granted is not there.
func (a *hostAPI) profile(g *gin.Context) {
	host := a.host(g)
	if host == nil {
		return
	}
	profile, err := a.desk.Profile(host, g.Param("name"))
	if err != nil {
		a.refuse(g, host.ID, err)
		return
	}
	g.JSON(http.StatusOK, profile)
}
