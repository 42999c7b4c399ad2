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
// The claims name the principal by its unique id (AROA..., AIDA...), never by its
// name: who uses [Sealer.Open] must look the id up, and treat one that is gone as an
// unknown session.
//
// Session policies and tags are compressed, and bounded by what they take up then, so
// that a token stays under 2,500 characters; see [Claims.PackedSize].
//
// Keys are published before they are used and kept after it; see [Rotate].
//
// What a refusal was about can be sealed too, for those who may read it; see
// [Sealer.SealMessage].
//
// An access key id carries its account, as AWS's do; see [NewAccessKeyID].
//
// The package is pure: no network, no database, no clock but the one passed in.
package session
