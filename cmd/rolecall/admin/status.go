package admin

import "time"

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
	// Notes are what an operator should know or mend, one sentence each.
	Notes []string `json:"notes"`
}

// Instance is one instance in a [Status]. Times that never came are absent.
type Instance struct {
	ID         string `json:"instance_id"`
	Attachment string `json:"attachment"`
	// Endpoints are the base URLs at which the instance is served.
	Endpoints   []string `json:"endpoints"`
	RoleARN     string   `json:"role_arn"`
	AccessKeyID string   `json:"access_key_id,omitempty"`
	// Expiration is when the credentials that are served now stop working.
	Expiration  *time.Time `json:"expiration,omitempty"`
	LastRefresh *time.Time `json:"last_refresh,omitempty"`
	NextRefresh *time.Time `json:"next_refresh,omitempty"`
	// Failures counts failed refreshes since the last good one; LastError is why.
	Failures    int      `json:"failures"`
	LastError   string   `json:"last_error,omitempty"`
	LastRefusal *Refusal `json:"last_refusal,omitempty"`
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
