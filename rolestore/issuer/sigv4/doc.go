// Package sigv4 verifies requests signed with AWS Signature Version 4, as the
// server that receives them
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html).
//
//	canonical request = method, path, sorted query, signed headers, their names, SHA-256 of the body
//	string to sign    = algorithm, time, scope, SHA-256 of the canonical request
//	signing key       = HMAC chain over secret, day, region, service, "aws4_request"
//	signature         = HMAC(signing key, string to sign)
//
// [Parse] reads what a request claims, from its Authorization header or from the
// query of a presigned URL, and trusts none of it. The caller then finds the
// secret of the access key, judges the region, and asks [Verifier.Verify].
//
// The body is always hashed by who received it: a caller's own word for its hash, and
// UNSIGNED-PAYLOAD, count for nothing. As on AWS's STS, a presigned URL is good
// for 15 minutes whatever its X-Amz-Expires says.
//
// Errors are [*Error], with the codes and texts that AWS answers.
//
// The package is pure: no network, no clock but the one passed in. It knows
// neither accounts nor sessions; whose key it is decides the issuer's sts room.
package sigv4
