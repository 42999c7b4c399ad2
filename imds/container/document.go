package container

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/rolecall/rolecall/rolestore"
)

// credentials are the members that both forms have. Clients look for these names and
// do without Code and Type, which EC2's form has.
type credentials struct {
	RoleARN         string `json:"RoleArn,omitempty"` // ECS's; s3fs counts on it
	AccessKeyID     string `json:"AccessKeyId"`
	SecretAccessKey string
	Token           string
	AccountID       string `json:"AccountId,omitempty"`
	Expiration      string // whole seconds: botocore reads no others everywhere
}

// TaskDocument is what the endpoint of ECS answers.
func TaskDocument(p rolestore.InstanceProfile, c rolestore.Credentials) []byte {
	d := render(c)
	d.RoleARN = p.Role.ARN
	return marshal(d)
}

// PodDocument is what the endpoint of EKS answers.
func PodDocument(p rolestore.InstanceProfile, c rolestore.Credentials) []byte {
	d := render(c)
	d.AccountID = p.AccountID()
	return marshal(d)
}

func render(c rolestore.Credentials) credentials {
	return credentials{
		AccessKeyID:     c.AccessKeyID,
		SecretAccessKey: c.SecretAccessKey.Reveal(),
		Token:           c.SessionToken.Reveal(),
		Expiration:      c.Expiration.UTC().Format(time.RFC3339),
	}
}

// TaskError is how the endpoint of ECS says no. Go's SDK reads the names in lower case
// alone, and ECS's agent repeats the status.
func TaskError(status int, code, message string) []byte {
	return marshal(struct {
		Code    string `json:"code"`
		Message string `json:"message"`
		Status  int    `json:"HTTPErrorCode"`
	}{code, message, status})
}

// marshal leaves &, < and > alone, and no line end behind.
func marshal(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(v) // structs of strings and a number always encode
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
