package iam

import (
	"github.com/rolecall/rolecall/rolestore/issuer/caller"
	"github.com/rolecall/rolecall/rolestore/issuer/directory"
	"github.com/rolecall/rolecall/rolestore/issuer/front"
	"github.com/rolecall/rolecall/rolestore/issuer/query"
	"github.com/rolecall/rolecall/rolestore/issuer/session"
)

const (
	service   = "iam"
	version   = "2010-05-08"
	namespace = "https://iam.amazonaws.com/doc/2010-05-08/"
)

// Server has the operations.
type Server struct {
	directory *directory.Directory
	url       string // below which accounts' own tokens have their issuers; empty for none
}

// New returns the operations on a directory, and opens them at the door.
func New(d *directory.Directory, door *front.Server) *Server {
	s := &Server{directory: d, url: door.URL()}
	door.Serve(front.API{
		Service: service, Version: version, Namespace: namespace, Logged: logged,
		// IAM is one for all regions, and AWS's own signs for the first.
		Endpoint: func(host string) bool { return host == "iam.amazonaws.com" },
		Fits: func(host, region string) bool {
			return region == "us-east-1" || host != "iam.amazonaws.com" && region != ""
		},
		Find: func(r *query.Request) (front.Operation, bool) {
			o, ok := operations[r.Action]
			return front.Operation{Long: o.long, Do: func(c *caller.Call) ([]query.Element, error) { return s.perform(c, o) }}, ok
		},
	})
	return s
}

// logged are the parameters that say what was changed.
var logged = []front.Logged{
	{Parameter: "RoleName", Key: "role"}, {Parameter: "InstanceProfileName", Key: "instance_profile"}, {Parameter: "PolicyName", Key: "policy"},
	{Parameter: "UserName", Key: "user"}, {Parameter: "NewUserName", Key: "new_user"}, {Parameter: "AccessKeyId", Key: "access_key_id"},
	{Parameter: "GroupName", Key: "group"}, {Parameter: "NewGroupName", Key: "new_group"}, {Parameter: "SerialNumber", Key: "mfa_serial"},
	{Parameter: "VirtualMFADeviceName", Key: "mfa_device"}, {Parameter: "AccountAlias", Key: "account_alias"},
	{Parameter: "PolicyArn", Key: "policy_arn"}, {Parameter: "VersionId", Key: "version"},
	{Parameter: "Url", Key: "provider"}, {Parameter: "OpenIDConnectProviderArn", Key: "provider"}, {Parameter: "SAMLProviderArn", Key: "provider"},
}

// call is one request on its way through an operation.
type call struct {
	*caller.Call
	*Server
	args
}

// perform carries out an operation for a caller who may.
func (s *Server) perform(asked *caller.Call, o operation) ([]query.Element, error) {
	if err := admit(asked.Caller); err != nil {
		return nil, err
	}
	c := &call{Call: asked, Server: s}
	var err error
	if c.args, err = read(asked.Form, o.takes); err != nil {
		return nil, err
	}
	if err := c.authorize(o); err != nil {
		return nil, err
	}
	return o.do(c)
}

// admit refuses sessions that may not call IAM whatever any policy says: those of
// GetFederationToken, and those of GetSessionToken without an MFA device
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_sts-comparison.html).
func admit(who *caller.Caller) error {
	if who.Is(session.FederatedUser) || who.Is(session.UserSession) && who.Claims.MFA.IsZero() {
		return query.Forbidden("InvalidClientTokenId", "The security token included in the request is invalid")
	}
	return nil
}
