package issuer

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os/user"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"golang.org/x/sys/unix"

	"github.com/rolecall/rolecall/rolestore/issuer/directory"
	"github.com/rolecall/rolecall/rolestore/issuer/session"
	"github.com/rolecall/rolecall/rolestore/issuer/sts"
	"github.com/rolecall/rolecall/rolestore/surface"
)

const (
	// administratorSession is how long an administrator's session lives: enough
	// for a piece of work, and over by itself.
	administratorSession = time.Hour

	// maxAdminBody bounds a request to the admin socket, in bytes.
	maxAdminBody = 64 << 10
)

// SessionRequest asks for an administrator's session; POST /v1/credentials.
type SessionRequest struct {
	// Account is twelve digits; empty means the core's home account.
	Account string `json:"account,omitempty"`
}

// Session is an administrator's session. The names are those of credential_process
// (https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html).
type Session struct {
	Version         int
	AccessKeyID     string `json:"AccessKeyId"`
	SecretAccessKey string
	SessionToken    string
	Expiration      time.Time
}

// adminError is how the admin API says no.
type adminError struct {
	Message string `json:"message"`
}

// Admin returns the server for the core's admin socket, which must be a Unix
// socket: it asks the kernel who is at the other end.
func (c *Core) Admin() *http.Server {
	engine := surface.Engine()
	v1 := engine.Group("/v1", onlyPrograms)
	c.adminRoutes(v1)
	v1.POST("/secrets", c.revealSecrets)
	v1.POST("/why", c.why)
	server := surface.Server(engine, c.config.Logger)
	server.ConnContext = func(ctx context.Context, conn net.Conn) context.Context {
		return context.WithValue(ctx, peerKey{}, peerUID(conn))
	}
	return server
}

// onlyPrograms refuses web pages, and whoever the kernel does not vouch for.
func onlyPrograms(g *gin.Context) {
	uid, known := g.Request.Context().Value(peerKey{}).(int)
	if surface.Browser(g.Request) != "" || !known || uid < 0 {
		g.AbortWithStatusJSON(http.StatusForbidden, adminError{"only programs on this machine are answered"})
	}
}

// peer is the user who asks; onlyPrograms has let him in.
func peer(g *gin.Context) int {
	uid, _ := g.Request.Context().Value(peerKey{}).(int)
	return uid
}

// readAdmin decodes a request's body, or answers what is wrong with it.
func readAdmin(g *gin.Context, into any) bool {
	body := json.NewDecoder(http.MaxBytesReader(g.Writer, g.Request.Body, maxAdminBody))
	body.DisallowUnknownFields() // one of a later version may ask for less
	if err := body.Decode(into); err != nil {
		g.JSON(http.StatusBadRequest, adminError{"the request is no JSON of its kind: " + err.Error()})
		return false
	}
	return true
}

// adminSession answers POST /v1/credentials.
func (c *Core) adminSession(g *gin.Context) {
	var asked SessionRequest
	if !readAdmin(g, &asked) {
		return
	}
	uid := peer(g)
	d := c.directory.Snapshot()
	account := cmp.Or(asked.Account, d.HomeAccount())
	if !d.HasAccount(account) {
		g.JSON(http.StatusBadRequest, adminError{fmt.Sprintf("there is no account %s: the core has %v", account, d.Accounts())})
		return
	}
	role, now := d.RoleByName(account, directory.AdministratorRole), c.config.Now()
	issued, err := d.Sealer().Issue(session.Claims{
		Principal: role.UniqueID, Account: account, SessionName: sessionName(uid),
		Issued: now, Expires: now.Add(administratorSession),
	})
	if err != nil {
		c.failed(g, err)
		return
	}
	c.config.Logger.Info("administrator session issued", "arn", role.SessionARN(sessionName(uid)), "uid", uid,
		"access_key_id", issued.AccessKeyID, "expiration", issued.Expiration)
	g.Header("Cache-Control", "no-store")
	g.JSON(http.StatusOK, Session{1, issued.AccessKeyID, issued.SecretAccessKey.Reveal(), issued.SessionToken.Reveal(), issued.Expiration})
}

// Secret is one that the core made, as POST /v1/secrets shows it, once.
type Secret struct {
	// UserARN is whose it is.
	UserARN string `json:"user_arn"`
	// AccessKeyID and SecretAccessKey are an access key's, the others a virtual MFA
	// device's.
	AccessKeyID      string `json:"access_key_id,omitempty"`
	SecretAccessKey  string `json:"secret_access_key,omitempty"`
	SerialNumber     string `json:"serial_number,omitempty"`
	Base32StringSeed string `json:"base32_string_seed,omitempty"`
}

// revealSecrets answers POST /v1/secrets.
func (c *Core) revealSecrets(g *gin.Context) {
	made, err := c.directory.RevealSecrets()
	if err != nil {
		c.failed(g, err)
		return
	}
	secrets := []Secret{}
	for _, m := range made {
		s := Secret{UserARN: m.Owner, AccessKeyID: m.ID, SecretAccessKey: m.Secret.Reveal()}
		if strings.HasPrefix(m.ID, "arn:") {
			s = Secret{UserARN: m.Owner, SerialNumber: m.ID, Base32StringSeed: m.Secret.Reveal()}
		}
		secrets = append(secrets, s)
		c.config.Logger.Info("secret shown", "user_arn", m.Owner, "id", m.ID, "uid", peer(g))
	}
	g.Header("Cache-Control", "no-store")
	g.JSON(http.StatusOK, secrets)
}

// why answers POST /v1/why, an [sts.Question], with an [sts.Answer].
func (c *Core) why(g *gin.Context) {
	var q sts.Question
	body := json.NewDecoder(http.MaxBytesReader(g.Writer, g.Request.Body, maxAdminBody))
	body.DisallowUnknownFields()
	if err := body.Decode(&q); err != nil {
		g.JSON(http.StatusBadRequest, adminError{"the request is no JSON of a question: " + err.Error()})
		return
	}
	answer, err := c.sts.Why(q)
	if err != nil {
		g.JSON(http.StatusBadRequest, adminError{err.Error()})
		return
	}
	g.JSON(http.StatusOK, answer)
}

// failed answers for what is the core's own fault.
func (c *Core) failed(g *gin.Context, err error) {
	c.config.Logger.Error("the admin socket's request failed", "path", g.Request.URL.Path, "err", err)
	g.JSON(http.StatusInternalServerError, adminError{"internal error: see the core's log"})
}

var sessionNameForm = regexp.MustCompile(`^[A-Za-z0-9_+=,.@-]{2,64}$`)

// sessionName is the Unix user's name, or uid-N where STS would not take it.
func sessionName(uid int) string {
	id := strconv.Itoa(uid)
	if u, err := user.LookupId(id); err == nil && sessionNameForm.MatchString(u.Username) {
		return u.Username
	}
	return "uid-" + id
}

type peerKey struct{}

// peerUID is the user at the other end of a Unix socket, as the kernel noted when
// it was connected (SO_PEERCRED, unix(7)); -1 for any other connection.
func peerUID(conn net.Conn) int {
	unixConn, ok := conn.(*net.UnixConn)
	if !ok {
		return -1
	}
	raw, err := unixConn.SyscallConn()
	if err != nil {
		return -1
	}
	uid := -1
	if err := raw.Control(func(fd uintptr) {
		if peer, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			uid = int(peer.Uid)
		}
	}); err != nil {
		return -1
	}
	return uid
}
