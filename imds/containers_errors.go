package imds

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/rolecall/rolecall/imds/container"
)

// jsonText is what Go's SDK wants before it looks for a reason in an error: exactly
// this.
var jsonText = []string{"application/json"}

// What can go wrong in the forms for containers, besides what can in EC2's.
var (
	refusedTaskID = &refusal{status: http.StatusBadRequest, reason: "the path names no credentials of this instance",
		remedy: "give the container the variable that `rolecall instance env` prints"}
	refusedNoPod = &refusal{status: http.StatusForbidden, reason: "the instance is associated with no pod",
		remedy: "set container_credentials.pod of the instance, or node for a machine with many pods"}
	refusedCluster = &refusal{status: http.StatusInternalServerError, reason: "the pod's cluster is not known to the agent",
		remedy: "name the cluster, its issuer and its key set in the agent's file of clusters"}
	refusedOtherPod = &refusal{status: http.StatusForbidden, reason: container.ErrOtherPod.Error(),
		remedy: "set namespace, service_account, name and uid of container_credentials.pod as the pod has them now"}
	refusedOtherNode = &refusal{status: http.StatusForbidden, reason: container.ErrOtherNode.Error(),
		remedy: "set container_credentials.node.node_name as the cluster has it (`kubectl get nodes`); leave it out where tokens name no node, before Kubernetes 1.30"}
	refusedPodTokens = &refusal{status: http.StatusBadRequest, reason: "there is more than one Authorization header",
		remedy: "send the token of the pod's service account once"}
	// EKS's AssumeRoleForPodIdentity has 404 for it, which the agent on a node passes on
	// (https://docs.aws.amazon.com/eks/latest/APIReference/API_auth_AssumeRoleForPodIdentity.html).
	refusedNoAssociation = &refusal{status: http.StatusNotFound, reason: container.ErrNoAssociation.Error(),
		remedy: "add its namespace and service_account to pod_identity_associations of the cluster, in the agent's file of clusters"}
	refusedGrant = &refusal{status: http.StatusForbidden, reason: container.ErrNotGranted.Error(),
		remedy: "grant the host the instance profile of the association, by rolecall core grant put, or name another; the agent's log says more"}
	refusedTooManyPods = &refusal{status: http.StatusTooManyRequests, reason: container.ErrTooManyPods.Error(),
		remedy: "run fewer pods on the node; those that have ended are forgotten once their credentials have expired"}
	refusedNoRole = &refusal{status: http.StatusNotFound, reason: "the instance has no role",
		remedy: "set its iam_instance_profile"}
	refusedRole = &refusal{status: http.StatusForbidden, reason: "the issuer refuses the instance's role",
		remedy: "see the instance's last error in rolecall status"}
)

// refusedPodToken is for a token of a service account that was not verified.
func refusedPodToken(err error) *refusal {
	return &refusal{status: http.StatusBadRequest, reason: err.Error(),
		remedy: "mount a projected token for pods.eks.amazonaws.com, and check issuer and key set in the agent's file of clusters"}
}

// refusedUnknownPod is for a pod on a node that could not be made an instance yet.
func refusedUnknownPod(err error) *refusal {
	return &refusal{status: http.StatusServiceUnavailable, reason: "the pod's credentials are not here yet: " + err.Error(),
		remedy: "see whether the core is there, by rolecall status"}
}

// taskCodes are the codes of ECS's agent, by status; others are its InternalServerError.
var taskCodes = map[int]string{
	http.StatusBadRequest:         "InvalidIdInRequest",
	http.StatusNotFound:           "NoCredentialsAssociated",
	http.StatusForbidden:          "AccessDenied",
	http.StatusServiceUnavailable: "CredentialsUninitialized",
}

// throttlingCode is that of AWS's APIs, by which SDKs know that they may ask again
// (https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html).
const throttlingCode = "ThrottlingException"

// refuseTask is the translator from refusals to replies in ECS's form.
func refuseTask(c *gin.Context, r *refusal) {
	code, ok := taskCodes[r.status]
	if !ok {
		code = "InternalServerError"
	}
	if r.tooOften() {
		code = throttlingCode
	}
	closing(c, r)
	newDocument(container.TaskError(r.status, code, "CredentialsV2Request: "+r.reason), jsonText).write(c, r.status)
}

// refusePod is the translator from refusals to replies in EKS's form.
func refusePod(c *gin.Context, r *refusal) {
	text := r.reason + "\n"
	switch r.status {
	case http.StatusForbidden:
		text = "Access Denied. " + text
	case http.StatusTooManyRequests:
		text = http.StatusText(r.status) + "\n"
	}
	closing(c, r)
	newDocument([]byte(text), plainText).write(c, r.status)
}
