// Package token mints and verifies IMDSv2 session tokens
// (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html).
//
// A token is stateless: nothing is stored for it, so there is no limit to how
// many an instance may hold and none is lost by a restart. It is 40 bytes,
// written as 56 characters of standard base64:
//
//	version  1   always 1
//	key id   1   which key made the code
//	expiry   4   Unix seconds, big endian: the first second that it is not valid in
//	nonce   10   random, so that no two tokens are alike
//	code    24   HMAC-SHA256, cut, over all of the above and
//	             the instance's id (after its length as a varint) and incarnation
//
// The id and the incarnation are not inside: a token is worth nothing to any
// other instance, nor to a later owner of the same id.
//
// [Keys] may be used from many goroutines; replacing the keys is atomic.
// The package is pure: it takes the time as an argument and imports nothing of
// this module.
package token
