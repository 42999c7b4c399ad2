package wire

import "time"

const (
	// Path takes a [Question] by POST.
	Path = "/rolecall/v1/verify"

	// Service is the service's name in the credential scope of the asking service's own
	// signature (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html).
	Service = "rolecall"

	// VerifyAction and AuthorizeAction are what a policy has to allow the asking service
	// on [ServiceARN]: to learn who signed a request, and to have a decision on what he
	// may do.
	VerifyAction    = "rolecall:VerifyRequest"
	AuthorizeAction = "rolecall:AuthorizeRequest"
)

// ServiceARN is the resource of both actions: the service by which callers sign, in the
// account of who asks. Like IAM's, it has no region.
func ServiceARN(account, service string) string {
	return "arn:aws:rolecall::" + account + ":service/" + service
}

// Question is a request that a service received, and what it wants to know of it.
type Question struct {
	// Method, Path and Query are the request's, the latter two still escaped, and Host is
	// what it calls the service.
	Method string `json:"method"`
	Path   string `json:"path"`
	Query  string `json:"query,omitempty"`
	Host   string `json:"host"`
	// Headers have the signature and the headers that it covers, by canonical names.
	Headers map[string][]string `json:"headers,omitempty"`
	// PayloadSHA256 is the hash of the body that was received, in hexadecimal digits.
	PayloadSHA256 string `json:"payload_sha256"`

	// Service is the name that callers must have signed for, and Regions are those that
	// they may have. Without any, each will do.
	Service string   `json:"service"`
	Regions []string `json:"regions,omitempty"`
	// WindowSeconds bounds how far from now the request may have been signed, if that is
	// to be less than the 15 minutes of SigV4.
	WindowSeconds int `json:"window_seconds,omitempty"`

	// Authorize is what the caller wants to do, if that is to be decided.
	Authorize *Matter `json:"authorize,omitempty"`
}

// Matter is an action on a resource.
type Matter struct {
	// Action is service:Name, as policies have it.
	Action string `json:"action"`
	// Resource is an ARN, or * for an action without one.
	Resource string `json:"resource"`
	// Owner is the account that the resource belongs to, if its ARN does not say it.
	Owner string `json:"owner,omitempty"`
	// Context are condition keys: the service's own, and those of AWS's that tell of the
	// resource and of the way that the request came. What tells of the caller the core
	// knows, and nobody else may say it.
	Context map[string][]string `json:"context,omitempty"`
	// Policy is the resource's own policy, JSON, if it has one.
	Policy string `json:"policy,omitempty"`
}

// Answer is what the core knows of the request: either who signed it, or why that is
// nobody.
type Answer struct {
	Principal *Principal `json:"principal,omitempty"`
	Refusal   *Refusal   `json:"refusal,omitempty"`
	// Decision is there if there is a principal and a decision was asked for.
	Decision *Decision `json:"decision,omitempty"`
}

// Principal is who signed a request.
type Principal struct {
	// ARN, Account and UserID are what GetCallerIdentity answers him.
	ARN     string `json:"arn"`
	Account string `json:"account"`
	UserID  string `json:"user_id"`
	// IdentityARN and UniqueID are those of the user or role behind the session; of an
	// account's root, its ARN and the account.
	IdentityARN string `json:"identity_arn"`
	UniqueID    string `json:"unique_id"`
	// SessionName is empty with a user's own key.
	SessionName string `json:"session_name,omitempty"`
	// Tags are aws:PrincipalTag: the role's or user's and, in their place, the session's.
	Tags map[string]string `json:"tags,omitempty"`
	// SourceIdentity is who it was at the beginning of a chain of roles.
	SourceIdentity string `json:"source_identity,omitempty"`
	// Expires is when the session ends; zero with a user's own key, which does not.
	Expires time.Time `json:"expires,omitzero"`
	// AccessKeyID is what he signed with, Signed when, and Region what for.
	AccessKeyID string    `json:"access_key_id"`
	Signed      time.Time `json:"signed"`
	Region      string    `json:"region"`
}

// Refusal is AWS's error for a request that nobody signed, or that was refused.
type Refusal struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Status  int    `json:"status"`
}

// Decision is what comes of a [Matter].
type Decision struct {
	// Effect is Allow, ImplicitDeny or ExplicitDeny.
	Effect string `json:"effect"`
	// Because is the end of AWS's text of an AccessDenied.
	Because string `json:"because,omitempty"`
}
