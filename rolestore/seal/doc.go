// Package seal wraps values so that whoever copies a database file learns
// nothing from it, and knows which key a value wants.
//
// A sealed value is AES-256-GCM (NIST SP 800-38D) in an envelope:
//
//	version 1 | key id (8) | nonce (12) | ciphertext and tag (16)
//
// The envelope's head and the context, which for a database is bucket and key,
// are associated data: a value that is moved to another place does not open. The
// key id is derived from the key, so a wrong key is told from a damaged value:
// [KeyMissingError] against [ErrDamaged]. Nonces are random, which bounds one key
// to 2^32 values (SP 800-38D section 8.3): 10,000 instances that are refreshed
// hourly need half a century for that.
//
// A key file is text, one base64 key a line, # begins a comment. The last key
// seals and all of them open, so a key is rotated by adding a line, and the old
// line may go once everything has been sealed anew.
//
// Invariants: keys exist in memory only as ciphers, a [Keyring] never prints
// them, and no error quotes the content of a key file. Nothing here may import
// another room, a database or a network package.
package seal
