package hosttoken

import "time"

// The host API is what a host asks of its core besides credentials, on the same
// listener: JSON over HTTP, each request with the header Authorization: Bearer and
// the token of a [Call].
const (
	// Prefix is what all paths begin with; the API of STS has the rest.
	Prefix = "/rolecall/v1/"

	// PathJoin takes a [JoinRequest] by POST. Its token is signed with the key in it.
	PathJoin = Prefix + "join"

	// PathEvents answers a GET with a stream of [Event], one a line, and an empty line
	// every [Heartbeat].
	PathEvents = Prefix + "events"

	// PathLeases and an instance id: DELETE releases the instance. With /revoke after
	// it, POST ends the sessions that were issued for it, and answers an [Event]. With
	// [SuffixIdentity] after it, POST takes what the host declares of the instance
	// (identity.Declared) and answers the instance identity document, signed
	// (identity.Signed).
	PathLeases     = Prefix + "leases/"
	SuffixIdentity = "/identity-document"

	// PathCertificates answers anybody's GET, without a token, with the certificates
	// that identity documents are verified by: PEM, the one that signs now first.
	PathCertificates = Prefix + "identity-certificates"

	// PathProfiles and the name of an instance profile: GET answers a [Profile] that
	// the host is granted.
	PathProfiles = Prefix + "instance-profiles/"

	// Heartbeat is how often a stream shows that it is alive.
	Heartbeat = 20 * time.Second
)

// JoinRequest enrols a host.
type JoinRequest struct {
	// Secret is the invitation's.
	Secret []byte `json:"secret"`
	HostID string `json:"host_id"`
	// PublicKey is the host's, P-256; PKIX, DER.
	PublicKey []byte `json:"public_key"`
}

// JoinReply is what a host learns when it has joined.
type JoinReply struct {
	// Account is the one that the host belongs to.
	Account string `json:"account"`
}

// Event is how one of the host's instances stands with the core. It is sent when that
// may have changed, and for all instances that are leased to the host when a stream
// begins.
type Event struct {
	// Removed says that the host itself is not registered any more. It is the last one.
	Removed    bool   `json:"removed,omitempty"`
	InstanceID string `json:"instance_id,omitempty"`
	// Valid says that the instance is leased to the host, and that the host is granted
	// the role which it fetched last for it.
	Valid bool `json:"valid"`
	// Since, if not zero, is by the core's clock when the sessions of before became
	// worthless, or different from what would be issued now.
	Since time.Time `json:"since,omitzero"`
}

// Profile is an instance profile and its role.
type Profile struct {
	ARN     string `json:"arn"`
	ID      string `json:"id"`
	RoleARN string `json:"role_arn"`
}

// Refusal is how the API says no.
type Refusal struct {
	Message string `json:"message"`
	// Code is CodeUnknownHost or empty.
	Code string `json:"code,omitempty"`
}

// CodeUnknownHost says that no host of this id is registered with this key.
const CodeUnknownHost = "HostNotRegistered"
