package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"

	containers "github.com/rolecall/rolecall/imds/container"
)

const (
	// keySetTimeout bounds one look at a key set, and maxKeySet its size in bytes. A
	// cluster has two or three keys.
	keySetTimeout = 10 * time.Second
	maxKeySet     = 1 << 20
	// keySetAge is how often key sets are read anyway: keys that are taken away must be
	// forgotten.
	keySetAge = 5 * time.Minute
	// keySetPause is how soon they are read again when a token names a key that is
	// unknown. Anybody can write such a token.
	keySetPause = 5 * time.Second
)

// clusters are those of the file, with their key sets as they were last read.
type clusters struct {
	agent *agentHalf
	path  string
	stale chan struct{} // holds one token when a key was unknown

	mu     sync.RWMutex
	byName map[string]*cluster // never changed, but replaced
	fault  error               // why the file, as it is now, changes nothing
}

// cluster is one cluster. Its key set is nil before it could be read.
type cluster struct {
	fileCluster
	http *http.Client

	mu    sync.Mutex
	keys  keyfunc.Keyfunc
	fault error
}

// errUnknownKey is returned for a key that is in no key set, or not yet.
var errUnknownKey = errors.New("unknown key")

// named is the cluster of that name, nil if there is none.
func (c *clusters) named(name string) *cluster {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.byName[name]
}

// all are the clusters as they are now.
func (c *clusters) all() []*cluster {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return slices.Collect(maps.Values(c.byName))
}

// open checks what the file says of a cluster.
func (f fileCluster) open() (*cluster, error) {
	c := &cluster{fileCluster: f, http: &http.Client{Timeout: keySetTimeout, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse // it would lead away from whom the file names
	}}}
	issuer, err := url.Parse(f.Issuer)
	switch {
	case f.Name == "":
		return nil, errors.New("want a cluster_name, by which instances name it")
	case err != nil || issuer.Scheme == "" || issuer.Host == "":
		return nil, fmt.Errorf("issuer %q: want the URL that is iss in the cluster's tokens (`kubectl get --raw /.well-known/openid-configuration`)", f.Issuer)
	case f.ARN != "" && !clusterARN.MatchString(f.ARN):
		return nil, fmt.Errorf("arn %q: want arn:aws:eks:REGION:ACCOUNT:cluster/NAME, the session tag eks-cluster-arn of its pods, or leave it out", f.ARN)
	case (f.JWKSFile == "") == (f.JWKSURL == ""):
		return nil, errors.New("want jwks_file or jwks_url: where its key set is (`kubectl get --raw /openid/v1/jwks`)")
	case f.JWKSFile != "" && f.CAFile != "":
		return nil, errors.New("ca_file belongs to a jwks_url")
	case f.JWKSURL != "" && !strings.HasPrefix(f.JWKSURL, "https://"):
		return nil, fmt.Errorf("jwks_url %q: want https: who changes a key set on its way can be any pod", f.JWKSURL)
	case f.CAFile == "":
		return c, nil
	}
	text, err := os.ReadFile(f.CAFile)
	if err != nil {
		return nil, fmt.Errorf("ca_file: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("ca_file %s: there is no certificate in PEM in it", f.CAFile)
	}
	c.http.Transport = &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}
	return c, nil
}

// find is what tokens of the cluster are checked by, and whether it is in the file.
func (c *clusters) find(name string) (containers.Cluster, bool) {
	one := c.named(name)
	if one == nil {
		return containers.Cluster{}, false
	}
	return containers.Cluster{Issuer: one.Issuer, Keys: func(t *jwt.Token) (any, error) {
		one.mu.Lock()
		keys := one.keys
		one.mu.Unlock()
		if keys != nil {
			if key, err := keys.Keyfunc(t); err == nil {
				return key, nil
			}
		}
		c.poke()
		return nil, errUnknownKey
	}}, true
}

// poke has the key sets read soon.
func (c *clusters) poke() {
	select {
	case c.stale <- struct{}{}:
	default: // they are about to be read
	}
}

// run reads all key sets now and then, and when a key was unknown.
func (c *clusters) run(ctx context.Context) error {
	for {
		c.read(ctx)
		pause, old := time.After(keySetPause), time.After(keySetAge)
		select {
		case <-ctx.Done():
			return nil
		case <-pause:
		}
		select {
		case <-ctx.Done():
			return nil
		case <-c.stale:
		case <-old:
		}
	}
}

// read reads all key sets, at once: no cluster waits for the server of another. One that
// cannot be read stays as it was.
func (c *clusters) read(ctx context.Context) {
	var all sync.WaitGroup
	for _, one := range c.all() {
		all.Go(func() { c.load(ctx, one) })
	}
	all.Wait()
}

func (c *clusters) load(ctx context.Context, one *cluster) {
	keys, err := one.read(ctx)
	one.mu.Lock()
	defer one.mu.Unlock()
	if one.fault = err; err == nil {
		one.keys = keys
	} else if ctx.Err() == nil {
		c.agent.logger.Error("the key set of a cluster cannot be read", "cluster_name", one.Name, "err", err)
	}
}

func (c *cluster) read(ctx context.Context) (keyfunc.Keyfunc, error) {
	var text []byte
	var err error
	if c.JWKSFile != "" {
		text, err = os.ReadFile(c.JWKSFile)
	} else {
		text, err = c.fetch(ctx)
	}
	if err != nil {
		return nil, err
	}
	keys, err := keyfunc.NewJWKSetJSON(text)
	if err != nil {
		return nil, fmt.Errorf("%s%s is no JSON Web Key Set (RFC 7517): %w", c.JWKSFile, c.JWKSURL, err)
	}
	return keys, nil
}

func (c *cluster) fetch(ctx context.Context) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.JWKSURL, nil)
	if err != nil {
		return nil, err
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s", c.JWKSURL, response.Status)
	}
	return io.ReadAll(io.LimitReader(response.Body, maxKeySet))
}

// notes are what an operator should mend.
func (c *clusters) notes() []string {
	var notes []string
	for _, one := range c.all() {
		one.mu.Lock()
		if one.fault != nil {
			notes = append(notes, fmt.Sprintf("The key set of cluster %s cannot be read, and new tokens of its pods may be refused: %v", one.Name, one.fault))
		}
		one.mu.Unlock()
	}
	c.mu.RLock()
	if c.fault != nil {
		notes = append(notes, "The file of clusters changes nothing: "+c.fault.Error())
	}
	c.mu.RUnlock()
	slices.Sort(notes)
	return notes
}
