package admin

import (
	"cmp"
	"time"

	"github.com/rolecall/rolecall/rolestore"
)

// Status is what GET /v1/status answers.
type Status struct {
	// Version is the agent's.
	Version string `json:"version"`
	// Started is when the agent started.
	Started time.Time `json:"started"`
	// Issuer is where credentials come from: a URL or unix:/path.
	Issuer string `json:"issuer"`
	// Instances are all that are served, by id.
	Instances []Instance `json:"instances"`
	// PortMode is how requests for port 80 reach our listeners, which sit at Port:
	// rewrite, nat or direct; auto as long as nothing is attached.
	PortMode string `json:"port_mode"`
	Port     uint16 `json:"port"`
	// RefusedPackets counts the packets to the metadata addresses that the kernel
	// refused, by the reason.
	RefusedPackets map[string]uint64 `json:"refused_packets,omitempty"`
	// Mended counts what others undid of the host's network and was done again, by
	// kind: addresses, routes, rules, neighbours, settings.
	Mended map[string]uint64 `json:"mended,omitempty"`
	// Unclaimed are the devices from which somebody asked who is no instance.
	Unclaimed []string `json:"unclaimed,omitempty"`
	// Notes are what an operator should know or mend, one sentence each.
	Notes []string `json:"notes"`
}

// State is where an instance is in its life.
type State string

const (
	// StateWaiting is an instance whose device is not there yet.
	StateWaiting State = "waiting"
	// StateAttached is one whose requests are answered.
	StateAttached State = "attached"
	// StateEnded is one whose device went away for good.
	StateEnded State = "ended"
	// StateFailed is one that could not be attached, which is tried again.
	StateFailed State = "failed"
)

// Instance is one instance in a [Status]. Times that never came are absent.
type Instance struct {
	ID    string `json:"instance_id"`
	State State  `json:"state"`
	// StateReason says what a state other than [StateAttached] is due to.
	StateReason string `json:"state_reason,omitempty"`
	// Attachment is the way of its requests in words, AttachmentDetails as a
	// [Document] has it.
	Attachment        string               `json:"attachment"`
	AttachmentDetails rolestore.Attachment `json:"attachment_details"`
	// Definition is what the instance was put as, defaults included, where one instance is
	// asked for.
	Definition *Document `json:"definition,omitempty"`
	// Endpoints are the base URLs at which the instance is served.
	Endpoints []string `json:"endpoints"`
	// RoleARN is empty for an instance without a role.
	RoleARN     string `json:"role_arn"`
	AccessKeyID string `json:"access_key_id,omitempty"`
	// Expiration is when the credentials that are served now stop working.
	Expiration  *time.Time `json:"expiration,omitempty"`
	LastRefresh *time.Time `json:"last_refresh,omitempty"`
	NextRefresh *time.Time `json:"next_refresh,omitempty"`
	// Failures counts failed refreshes since the last good one; LastError is why.
	Failures    int      `json:"failures"`
	LastError   string   `json:"last_error,omitempty"`
	LastRefusal *Refusal `json:"last_refusal,omitempty"`
	// MetadataNoToken counts calls of IMDSv1 that were let in, and
	// MetadataNoTokenRejected those that were refused as tokens are required, since the
	// agent started: EC2's metrics of these names.
	MetadataNoToken         uint64 `json:"metadata_no_token"`
	MetadataNoTokenRejected uint64 `json:"metadata_no_token_rejected"`
	// BrowserRequestsRefused counts requests that a web page may have made: they name
	// another host, or say that they come from a page.
	BrowserRequestsRefused uint64 `json:"browser_requests_refused"`
	// RequestsThrottled and TokensThrottled count the requests, and the session tokens,
	// that were refused since the agent started, as the instance asked for too many.
	RequestsThrottled uint64 `json:"requests_throttled"`
	TokensThrottled   uint64 `json:"tokens_throttled"`
	// RequestsUnread counts what was refused before it was a request: too large headers,
	// what is no HTTP, and what came too slowly.
	RequestsUnread uint64 `json:"requests_unread"`
	// ConnectionsRefused counts those beyond what one instance may have open.
	ConnectionsRefused uint64 `json:"connections_refused"`
}

// Missing says in words what an instance lacks before it is ready, and is empty for
// one that is.
func (i Instance) Missing() string {
	switch {
	case i.State == StateWaiting:
		return cmp.Or(i.StateReason, "waiting for "+i.Attachment)
	case i.State != StateAttached:
		return string(i.State) + ": " + cmp.Or(i.StateReason, "see the agent's log")
	case i.RoleARN == "" || i.AccessKeyID != "":
		return ""
	case i.LastError != "":
		return "waiting for the first credentials: " + i.LastError
	}
	return "waiting for the first credentials"
}

// Refusal is a request of an instance that was not served. SDKs seldom say why
// they found no credentials; this does.
type Refusal struct {
	Time   time.Time `json:"time"`
	Peer   string    `json:"peer"`
	Path   string    `json:"path"`
	Status int       `json:"status"`
	Reason string    `json:"reason"`
	Remedy string    `json:"remedy,omitempty"`
}
