package issuer

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/rolecall/rolecall/rolestore/hosttoken"
	"github.com/rolecall/rolecall/rolestore/issuer/directory"
)

const (
	// defaultJoinTime and maxJoinTime bound how long a join token waits to be used.
	defaultJoinTime = time.Hour
	maxJoinTime     = 24 * time.Hour
)

// The admin API's nouns. Times are UTC.
type (
	// Status is what GET /v1/status answers.
	Status struct {
		CoreID  string    `json:"core_id"`
		Started time.Time `json:"started"`
		Hosts   int       `json:"hosts"`
		Leases  int       `json:"leases"`
		// HostTokens counts the tokens of hosts since the start, by what came of them.
		HostTokens map[string]uint64 `json:"host_tokens"`
	}

	// HostStatus is a host; GET and DELETE /v1/hosts/{id}.
	HostStatus struct {
		ID          string    `json:"host_id"`
		Account     string    `json:"account"`
		Joined      time.Time `json:"joined"`
		Fingerprint string    `json:"key_sha256"`
		// Listening says that the host is connected, and told at once what changes.
		Listening bool `json:"listening"`
		Leases    int  `json:"leases"`
		// Grants are the names of what it is granted.
		Grants []string `json:"grants"`
	}

	// GrantRequest makes or replaces a grant; PUT /v1/grants/{name}. Instance profiles
	// are names or ARNs.
	GrantRequest struct {
		Host             string            `json:"host"`
		InstanceProfiles []string          `json:"instance_profiles"`
		InstanceIDs      []string          `json:"instance_ids"`
		Region           string            `json:"region,omitempty"`
		Tags             map[string]string `json:"tags,omitempty"`
		TagKeys          []string          `json:"tag_keys,omitempty"`
	}

	// JoinTokenRequest asks for a join token; POST /v1/join-tokens.
	JoinTokenRequest struct {
		// Account is twelve digits; empty means the core's home account.
		Account string `json:"account,omitempty"`
		// Seconds is how long it is good for; an hour if zero.
		Seconds int `json:"seconds,omitempty"`
	}

	// JoinToken is a join token, which is shown once.
	JoinToken struct {
		Token   string    `json:"token"`
		Account string    `json:"account"`
		Expires time.Time `json:"expires"`
	}
)

func (c *Core) adminRoutes(v1 *gin.RouterGroup) {
	v1.POST("/credentials", c.adminSession)
	v1.GET("/status", func(g *gin.Context) { g.JSON(http.StatusOK, c.status()) })
	v1.POST("/join-tokens", c.createJoinToken)
	v1.GET("/hosts", func(g *gin.Context) { g.JSON(http.StatusOK, c.hosts()) })
	v1.GET("/hosts/:id", c.showHost)
	v1.DELETE("/hosts/:id", c.removeHost)
	v1.GET("/grants", func(g *gin.Context) { g.JSON(http.StatusOK, nonNil(c.directory.Snapshot().Grants())) })
	v1.PUT("/grants/:name", c.putGrant)
	v1.DELETE("/grants/:name", c.removeGrant)
	v1.GET("/leases", func(g *gin.Context) { g.JSON(http.StatusOK, c.directory.LeasesOf("")) })
	v1.DELETE("/leases/:id", c.releaseLease)
	v1.POST("/leases/:id/revoke", c.revokeLease)
}

// nonNil makes an empty list of none, for JSON.
func nonNil[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// done logs who did what, or answers why it was not done.
func (c *Core) done(g *gin.Context, err error, deed string, args ...any) bool {
	args = append(args, "uid", peer(g))
	if err == nil {
		c.config.Logger.Info(deed, args...)
		return true
	}
	status := http.StatusInternalServerError
	switch {
	case errors.Is(err, directory.ErrNotFound):
		status = http.StatusNotFound
	case errors.Is(err, directory.ErrNotAuthorized):
		status = http.StatusForbidden
	case errors.Is(err, directory.ErrManaged):
		status = http.StatusConflict
	case errors.Is(err, directory.ErrInvalid):
		status = http.StatusBadRequest
	}
	c.config.Logger.Info("administration refused", append(args, "deed", deed, "err", err)...)
	g.JSON(status, adminError{err.Error()})
	return false
}

func (c *Core) status() Status {
	return Status{CoreID: c.directory.Snapshot().CoreID(), Started: c.started.UTC(), Hosts: len(c.directory.Snapshot().Hosts()),
		Leases: len(c.directory.LeasesOf("")), HostTokens: c.desk.Counts()}
}

func (c *Core) hosts() []HostStatus {
	all := []HostStatus{}
	for _, h := range c.directory.Snapshot().Hosts() {
		all = append(all, c.host(h))
	}
	return all
}

func (c *Core) host(h *directory.Host) HostStatus {
	status := HostStatus{ID: h.ID, Account: h.Account, Joined: h.Joined, Fingerprint: h.Fingerprint(),
		Leases: len(c.directory.LeasesOf(h.ID)), Grants: []string{}}
	for _, g := range c.directory.Snapshot().GrantsOf(h.ID) {
		status.Grants = append(status.Grants, g.Name)
	}
	c.streaming.Lock()
	defer c.streaming.Unlock()
	status.Listening = c.streams[h.ID] != nil
	return status
}

func (c *Core) showHost(g *gin.Context) {
	h := c.directory.Snapshot().Host(g.Param("id"))
	if h == nil {
		g.JSON(http.StatusNotFound, adminError{"host " + g.Param("id") + " is not registered: see `rolecall core host list`"})
		return
	}
	g.JSON(http.StatusOK, c.host(h))
}

func (c *Core) removeHost(g *gin.Context) {
	id := g.Param("id")
	if c.done(g, c.directory.RemoveHost(id), "host removed", "host", id) {
		g.Status(http.StatusNoContent)
	}
}

// putGrant makes the grant in the name of the administrator of the host's account.
func (c *Core) putGrant(g *gin.Context) {
	var asked GrantRequest
	if !readAdmin(g, &asked) {
		return
	}
	d, name := c.directory.Snapshot(), g.Param("name")
	host := d.Host(asked.Host)
	if host == nil {
		c.done(g, fmt.Errorf("grant %s: host %q: %w: see `rolecall core host list`", name, asked.Host, directory.ErrNotFound), "grant put")
		return
	}
	if !d.HasAccount(host.Account) {
		c.done(g, fmt.Errorf("grant %s: account %s of host %s: %w", name, host.Account, host.ID, directory.ErrNotFound), "grant put")
		return
	}
	grant := directory.Grant{Name: name, Account: host.Account, Host: host.ID, InstanceIDs: asked.InstanceIDs, Region: asked.Region, Tags: asked.Tags, TagKeys: asked.TagKeys}
	for _, profile := range asked.InstanceProfiles {
		if p := d.InstanceProfileByName(host.Account, profile); p != nil && !strings.HasPrefix(profile, "arn:") {
			profile = p.ARN()
		}
		grant.InstanceProfiles = append(grant.InstanceProfiles, profile)
	}
	err := c.directory.PutGrant(grant, d.Administrator(host.Account, sessionName(peer(g))), c.config.Now())
	if c.done(g, err, "grant put", "grant", name, "account", host.Account, "host", host.ID) {
		g.JSON(http.StatusOK, c.directory.Snapshot().Grant(host.Account, name))
	}
}

func (c *Core) removeGrant(g *gin.Context) {
	account, name := cmp.Or(g.Query("account"), c.directory.Snapshot().HomeAccount()), g.Param("name")
	if c.done(g, c.directory.RemoveGrant(account, name), "grant removed", "grant", name, "account", account) {
		g.Status(http.StatusNoContent)
	}
}

func (c *Core) releaseLease(g *gin.Context) {
	lease, err := c.directory.Release(g.Param("id"), "")
	if c.done(g, err, "lease released", "instance_id", g.Param("id"), "host", lease.Host) {
		g.JSON(http.StatusOK, lease)
	}
}

func (c *Core) revokeLease(g *gin.Context) {
	lease, err := c.directory.Revoke(g.Param("id"), "", c.config.Now())
	if c.done(g, err, "sessions of an instance revoked", "instance_id", g.Param("id"), "host", lease.Host) {
		g.JSON(http.StatusOK, lease)
	}
}

func (c *Core) createJoinToken(g *gin.Context) {
	var asked JoinTokenRequest
	if !readAdmin(g, &asked) {
		return
	}
	d, now := c.directory.Snapshot(), c.config.Now()
	life := cmp.Or(time.Duration(asked.Seconds)*time.Second, defaultJoinTime)
	if life < time.Second || life > maxJoinTime {
		g.JSON(http.StatusBadRequest, adminError{fmt.Sprintf("a join token lives from a second to %s", maxJoinTime)})
		return
	}
	account := cmp.Or(asked.Account, d.HomeAccount())
	invitation := hosttoken.NewInvitation(d.CoreID(), c.authority)
	text, err := invitation.Encode()
	expires := now.Add(life).UTC().Truncate(time.Second)
	if err == nil {
		err = c.directory.PutJoinToken(invitation.Secret, account, expires, now)
	}
	if c.done(g, err, "join token made", "account", account, "expires", expires) {
		g.Header("Cache-Control", "no-store")
		g.JSON(http.StatusOK, JoinToken{Token: text, Account: account, Expires: expires})
	}
}
