// Package session makes temporary credentials and recognises them again, without
// keeping a record of any: all that is known of a session lies sealed in its
// session token, and the secret access key is derived from the token's nonce.
//
//	token  = base64( version 1 | key id 1 | nonce 24 | AES-256-GCM(claims) )
//	AEAD key = HKDF-SHA256(key, salt nonce, "rolecall session token")       RFC 5869
//	AEAD associated data = access key id, partition, core id
//	secret access key = base64( HKDF-SHA256(key, salt nonce, "rolecall secret access key" access key id) )
//
// So a token belongs to one access key id, one partition and one core; it cannot
// be read, altered or moved; and neither the token nor anything stored contains
// the secret. Each nonce gives a key of its own, hence GCM's own nonce is zero.
//
// The claims name the principal by its unique id (AROA...), never by its name:
// who uses [Sealer.Open] must look the id up, and treat one that is gone as an
// unknown session.
//
// An access key id carries its account, as AWS's do; see [NewAccessKeyID].
//
// The package is pure: no network, no database, no clock but the one passed in.
package session
