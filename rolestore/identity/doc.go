// Package identity is the instance identity document: its text, the three forms in
// which it is signed, and how they are verified
// (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-identity-documents.html,
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/verify-iid.html).
//
//	document   the text: JSON, in EC2's order and spacing
//	signature  base64 of an RSA signature over its bytes (RSASSA-PKCS1-v1_5 with
//	           SHA-256, RFC 8017 section 8.2)
//	pkcs7      base64 of a SignedData (RFC 2315 section 9) that holds the document and
//	           that signature, without the lines of PEM around it
//	rsa2048    the same as pkcs7
//
// EC2 signs pkcs7 with DSA and SHA-1, which nothing has to accept any more. Everything
// else is as there.
//
// Of the members the core vouches for two, [Vouched]: the account and the instance id,
// of which it knows by the lease. The others, [Declared], are the word of the host that
// runs the instance. A document does not expire and is no secret: it says which
// instance it is about, and not that whoever shows it is that instance.
//
// The agent renders a document and has the core sign it; the core renders it again, and
// signs no byte that is not its own. Both take the form from here, and so do those who
// verify. PKCS#7 is no more than a wrapping: what is verified is the one signature over
// the bytes inside, with a certificate that the caller trusts, never with one that
// comes along.
//
// The package reads no clock and no network, and imports of this module rolestore alone.
package identity
