package issuer

import (
	"context"
	"crypto"
	"crypto/x509"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/rolecall/rolecall/rolestore/issuer/directory"
	"github.com/rolecall/rolecall/rolestore/issuer/front"
	"github.com/rolecall/rolecall/rolestore/issuer/hosts"
	"github.com/rolecall/rolecall/rolestore/issuer/iam"
	"github.com/rolecall/rolecall/rolestore/issuer/oidc"
	"github.com/rolecall/rolecall/rolestore/issuer/relying"
	"github.com/rolecall/rolecall/rolestore/issuer/session"
	"github.com/rolecall/rolecall/rolestore/issuer/sts"
	"github.com/rolecall/rolecall/rolestore/seal"
)

// Config is what [Open] needs.
type Config struct {
	// Path is that of core.db, made at first start.
	Path    string
	Keyring *seal.Keyring
	// Definitions are what core.yaml says, nil without such a file: then there is
	// one account, of a random id, with the built-in role.
	Definitions *directory.Definitions
	// URL is where parties outside reach the core; see [sts.Config].
	URL string
	// Domain is the site's, below which the core has names as AWS has; see [sts.Config]. It
	// may be empty.
	Domain string
	// Site returns the operator's own certificate that signs identity documents, and
	// its key, as they are now. Nil has the core make its own.
	Site func() (*x509.Certificate, crypto.Signer, error)
	// WellKnown are where Google, Amazon and Facebook are asked, if not where everybody
	// asks them.
	WellKnown oidc.WellKnown
	// Prune deletes what the file defined before and defines no longer.
	Prune bool
	// Now is the wall clock.
	Now func() time.Time
	// Logger may be nil.
	Logger *slog.Logger
}

// Core is an open issuing core.
type Core struct {
	config    Config
	directory *directory.Directory
	desk      *hosts.Desk
	started   time.Time
	front     *front.Server
	sts       *sts.Server
	callers   *front.Sources // of the host API
	authority []byte         // SHA-256 of the certificate of our own authority, if hosts know us by it

	renewing sync.Mutex // held while a site certificate is made

	relying *relying.Server

	streaming sync.Mutex
	streams   map[string]*context.CancelFunc // by host: ends its stream of events
}

// Open opens core.db and brings it in line with the definitions. Errors are those
// of [directory.Open] and of the definitions.
func Open(c Config) (*Core, error) {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	access, err := oidc.NewAccessTokens(c.WellKnown)
	if err != nil {
		return nil, err
	}
	d, err := directory.Open(directory.Config{Path: c.Path, Keyring: c.Keyring, Logger: c.Logger})
	if err != nil {
		return nil, err
	}
	started := c.Now()
	desk := hosts.New(d, started)
	core := &Core{
		config:    c,
		directory: d,
		desk:      desk,
		started:   started,
		callers:   front.NewSources(),
		front:     front.New(front.Config{Directory: d, Leases: desk, URL: c.URL, Domain: c.Domain, Now: c.Now, Logger: c.Logger}),
	}
	core.sts = sts.New(sts.Config{Directory: d, Codes: d, Desk: desk, Keys: &oidc.Keys{Now: c.Now}, AccessTokens: access, WellKnown: c.WellKnown, URL: c.URL, Domain: c.Domain, Now: c.Now}, core.front)
	iam.New(d, core.front)
	core.relying = relying.New(relying.Config{Directory: d, Leases: desk, Now: c.Now, Logger: c.Logger})
	if err = core.Redefine(c.Definitions); err != nil {
		_ = d.Close()
		return nil, err
	}
	core.replaceKeys(started)
	return core, nil
}

// Redefine brings the directory in line with other definitions, and logs each thing
// that is not as it was before. After an error nothing is. Nil stands for those that
// are built in.
func (c *Core) Redefine(want *directory.Definitions) error {
	if want == nil {
		account := c.directory.Snapshot().HomeAccount()
		if account == "" {
			account = directory.NewAccountID()
		}
		builtin := directory.Default(account)
		want = &builtin
	}
	at := *want
	at.At = c.config.Now()
	done, err := c.directory.Reconcile(at, c.config.Prune)
	if err != nil {
		return fmt.Errorf("definitions: %w", err)
	}
	for _, line := range done {
		c.config.Logger.Info("definition", "change", line)
	}
	return nil
}

// rotateEvery is how often it is looked whether a key is due.
const rotateEvery = session.KeyLead / 4

// RotateKeys replaces the issuing keys, those of tokens for parties outside and the site
// certificate on their schedules until ctx ends.
func (c *Core) RotateKeys(ctx context.Context) error {
	ticker := time.NewTicker(rotateEvery)
	defer ticker.Stop()
	for {
		if _, _, err := c.signing(c.config.Now()); err != nil { // those who ask for a document try again
			c.config.Logger.Error("no certificate signs identity documents", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			c.replaceKeys(c.config.Now())
		}
	}
}

// replaceKeys replaces the keys that are due. What fails, as while the disk is full, is
// tried again the next time: the key of before goes on, which is better than a core that
// is not there.
func (c *Core) replaceKeys(now time.Time) {
	if err := c.directory.RotateKeys(now); err != nil {
		c.config.Logger.Error("an issuing key is due and could not be replaced, which is tried again", "err", err)
	}
	if err := c.directory.RotateTokenKeys(now); err != nil {
		c.config.Logger.Error("a key of web identity tokens is due and could not be replaced, which is tried again", "err", err)
	}
}

// Directory is what the core knows.
func (c *Core) Directory() *directory.Directory { return c.directory }

// Close closes core.db. The surfaces must have been shut down before.
func (c *Core) Close() error { return c.directory.Close() }
