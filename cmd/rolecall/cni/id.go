package cni

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// networkDigits is how many of an id's 17 digits say which network it is of. With 28
// bits, another instance of the host's is taken for one of this network's once in
// 250 million; the 40 bits that are left hold a network's containers apart, and ADD
// refuses an id that is taken.
const networkDigits = 7

// networkPrefix is how the ids of all instances begin that were registered for the
// network of that name. It is there for GC, which must find them without a state
// file.
func networkPrefix(network string) string {
	return "i-" + digits(network)[:networkDigits]
}

// instanceID is the id of the instance that a container is on a network: always the
// same for the same three.
func instanceID(network, containerID, ifname string) string {
	return networkPrefix(network) + digits(network, containerID, ifname)[:17-networkDigits]
}

// digits is the SHA-256 of the texts. None of them can hold the zero byte: they come
// from environment variables, or are checked as names.
func digits(texts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(texts, "\x00")))
	return hex.EncodeToString(sum[:])
}
