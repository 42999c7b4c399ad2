// Package container is how containers find the credentials of their role: the forms
// of the endpoints that orchestrators give to SDKs by environment variables.
//
//	ECS  GET http://169.254.170.2/v2/credentials/<id>
//	     AWS_CONTAINER_CREDENTIALS_RELATIVE_URI names the path, with an id that
//	     nobody can guess: see [ID]
//	EKS  GET http://169.254.170.23/v1/credentials, or at [fd00:ec2::23]
//	     AWS_CONTAINER_CREDENTIALS_FULL_URI, with the token of the pod's service
//	     account in Authorization: see [Cluster.Verify], and [Cluster.Read] for a socket
//	     that many pods ask by
//
// (https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html)
//
// The id and the token come on top of the rule that every instance is known by: the
// socket that the request has arrived on. Neither is worth anything at the socket of
// another instance.
//
// The package is pure: it renders documents and checks tokens against key sets that
// it is given, and may import, of this module, rolestore alone.
package container
