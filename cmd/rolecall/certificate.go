package main

import (
	"crypto/tls"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"time"
)

// certificateFiles are a certificate and its key in files that are read again when
// they change, as those who renew certificates do not tell us.
type certificateFiles struct {
	certificate, key string
	fit              func(*tls.Certificate) error
	logger           *slog.Logger

	mu    sync.Mutex
	read  *tls.Certificate
	state [2]fileState
}

// fileState tells a file from one that has taken its place.
type fileState struct {
	modified time.Time
	size     int64
}

// openCertificate reads the files for the first time. fit, if not nil, refuses one that is
// of no use.
func openCertificate(certificate, key string, fit func(*tls.Certificate) error, logger *slog.Logger) (*certificateFiles, error) {
	c := &certificateFiles{certificate: certificate, key: key, fit: fit, logger: logger}
	state, err := c.look()
	if err != nil {
		return nil, err
	}
	if c.read, err = c.load(); err != nil {
		return nil, err
	}
	c.state = state
	return c, nil
}

// Get is [tls.Config.GetCertificate]. While new files cannot be read, as when one of
// the two is not written yet, the certificate of before is used on.
func (c *certificateFiles) Get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	state, err := c.look()
	if err != nil || state == c.state {
		return c.read, nil
	}
	pair, err := c.load()
	if err != nil {
		c.logger.Warn("the new certificate cannot be used, and the one of before is used on", "certificate", c.certificate, "err", err)
		return c.read, nil
	}
	c.logger.Info("certificate read again", "certificate", c.certificate, "subject", pair.Leaf.Subject.String(), "not_after", pair.Leaf.NotAfter)
	c.read, c.state = pair, state
	return c.read, nil
}

func (c *certificateFiles) load() (*tls.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(c.certificate, c.key)
	if err == nil && c.fit != nil {
		err = c.fit(&pair)
	}
	if err != nil {
		return nil, fmt.Errorf("certificate %s, key %s: %w", c.certificate, c.key, err)
	}
	return &pair, nil
}

func (c *certificateFiles) look() (state [2]fileState, err error) {
	for n, path := range []string{c.certificate, c.key} {
		var info fs.FileInfo
		if info, err = os.Stat(path); err != nil {
			return state, err
		}
		state[n] = fileState{info.ModTime(), info.Size()}
	}
	return state, nil
}
