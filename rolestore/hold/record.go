package hold

import (
	"encoding/json"
	"time"

	"github.com/rolecall/rolecall/rolestore"
)

const credentialsBucket = "credentials"

// Record is what the cache knows of an instance.
type Record struct {
	InstanceID string
	// Incarnation, RoleARN and Pod are the instance's when the credentials were fetched.
	Incarnation rolestore.Incarnation
	RoleARN     string
	Pod         rolestore.Pod
	Credentials rolestore.Credentials
}

// storedRecord is a Record as it is sealed.
type storedRecord struct {
	Incarnation rolestore.Incarnation `json:"incarnation"`
	RoleARN     string                `json:"role_arn"`
	Pod         rolestore.Pod         `json:"pod,omitzero"`
	storedCredentials
}

// storedCredentials are in the clear: [rolestore.Secret] encodes itself as "redacted",
// which is right everywhere but here.
type storedCredentials struct {
	AccessKeyID     string             `json:"access_key_id"`
	SecretAccessKey string             `json:"secret_access_key"`
	SessionToken    string             `json:"session_token"`
	LastUpdated     time.Time          `json:"last_updated"`
	Expiration      time.Time          `json:"expiration"`
	Tokenless       *storedCredentials `json:"tokenless,omitempty"`
}

func (r *Record) encode() ([]byte, error) {
	return json.Marshal(storedRecord{r.Incarnation, r.RoleARN, r.Pod, *stored(&r.Credentials)})
}

func decodeRecord(instanceID string, value []byte) (*Record, error) {
	var s storedRecord
	if err := json.Unmarshal(value, &s); err != nil {
		return nil, err
	}
	return &Record{
		InstanceID:  instanceID,
		Incarnation: s.Incarnation,
		RoleARN:     s.RoleARN,
		Pod:         s.Pod,
		Credentials: *s.credentials(),
	}, nil
}

func stored(c *rolestore.Credentials) *storedCredentials {
	if c == nil {
		return nil
	}
	return &storedCredentials{
		AccessKeyID:     c.AccessKeyID,
		SecretAccessKey: c.SecretAccessKey.Reveal(),
		SessionToken:    c.SessionToken.Reveal(),
		LastUpdated:     c.LastUpdated,
		Expiration:      c.Expiration,
		Tokenless:       stored(c.Tokenless),
	}
}

func (s *storedCredentials) credentials() *rolestore.Credentials {
	if s == nil {
		return nil
	}
	return &rolestore.Credentials{
		AccessKeyID:     s.AccessKeyID,
		SecretAccessKey: rolestore.NewSecret(s.SecretAccessKey),
		SessionToken:    rolestore.NewSecret(s.SessionToken),
		LastUpdated:     s.LastUpdated,
		Expiration:      s.Expiration,
		Tokenless:       s.Tokenless.credentials(),
	}
}
