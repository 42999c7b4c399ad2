package sigv4

import (
	"crypto/sha256"
	"strings"
	"sync"

	"github.com/rolecall/rolecall/rolestore"
)

// maxKeys bounds each generation of the cache: at about 300 bytes an entry, both
// together stay under 3 MiB, and hold the access keys of a site for a day.
const maxKeys = 4096

// scope is what a signing key is derived for, besides the Verifier's service.
type scope struct{ accessKeyID, day, region string }

// entry is a signing key and the secret that it came from. The access key id
// alone does not tell: temporary ones need not be unique.
type entry struct {
	secret rolestore.Secret
	key    [sha256.Size]byte
}

// keyCache holds signing keys in two generations. When recent is full it becomes
// older, and what was in older goes; an entry that is found in older moves up. So
// keys in use stay, at the cost of one map assignment. The zero cache is ready.
type keyCache struct {
	mu            sync.Mutex // guards both maps
	recent, older map[scope]entry
}

func (c *keyCache) lookup(where scope, secret rolestore.Secret) (key [sha256.Size]byte, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	found, ok := c.recent[where]
	if !ok {
		if found, ok = c.older[where]; ok {
			c.add(where, found)
		}
	}
	// Neither side is the client's choice: a plain comparison tells it nothing.
	if !ok || found.secret.Reveal() != secret.Reveal() {
		return key, false
	}
	return found.key, true
}

// remember keeps key, in place of one for an earlier secret.
func (c *keyCache) remember(where scope, secret rolestore.Secret, key [sha256.Size]byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.add(where, entry{secret, key})
}

// add is called with c.mu held.
func (c *keyCache) add(where scope, e entry) {
	if c.recent == nil || len(c.recent) >= maxKeys {
		c.recent, c.older = make(map[scope]entry), c.recent
	}
	// Clones, because the originals are parts of a whole header or query.
	where = scope{strings.Clone(where.accessKeyID), strings.Clone(where.day), strings.Clone(where.region)}
	c.recent[where] = e
}

// signingKey derives the key that signs requests of one day, region and service.
func signingKey(secret rolestore.Secret, where scope, service string) [sha256.Size]byte {
	key := mac([]byte("AWS4"+secret.Reveal()), []byte(where.day))
	key = mac(key[:], []byte(where.region))
	key = mac(key[:], []byte(service))
	return mac(key[:], []byte(terminator))
}
