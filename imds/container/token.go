package container

import (
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/rolecall/rolecall/rolestore"
)

const (
	// PodPath is the path of EKS's form.
	PodPath = "/v1/credentials"

	// audience is whom tokens are for that pods present here
	// (https://docs.aws.amazon.com/eks/latest/userguide/pod-id-how-it-works.html).
	audience = "pods.eks.amazonaws.com"

	// maxToken is far above what Kubernetes issues, some 1,200 bytes.
	maxToken = 8 << 10

	// skew is how far the clock of this host and that of the cluster may be apart.
	skew = 10 * time.Second
)

// methods are those that Kubernetes signs with (RFC 7518, section 3.1). None and those
// with a shared secret are not among them: a public key is no secret.
var methods = []string{"RS256", "RS384", "RS512", "ES256", "ES384", "ES512"}

var (
	// ErrToken is returned for what is no valid token of the cluster. What it wraps says
	// why, and holds nothing of the token.
	ErrToken = errors.New("the service-account token is not valid")
	// ErrOtherPod is returned for a valid token that is not the pod's.
	ErrOtherPod = errors.New("the service-account token is another pod's")
	// ErrOtherNode is returned for a valid token of a pod that is not said to be on the node.
	ErrOtherNode = errors.New("the service-account token is not of a pod on this node")
)

// Why a pod that a node's cluster knows has no credentials.
var (
	// ErrNoAssociation is returned for a pod whose service account no role is associated
	// with.
	ErrNoAssociation = errors.New("no role is associated with the pod's service account")
	// ErrNotGranted is returned for a pod whose role this host does not have to give.
	ErrNotGranted = errors.New("the role that is associated with the pod's service account is not granted to this host")
	// ErrTooManyPods is returned for a pod on a node that has as many as one may have.
	ErrTooManyPods = errors.New("the node has as many pods with credentials as one may have")
)

// The reasons of an ErrToken.
var (
	errNone      = errors.New("there is none in the Authorization header")
	errMalformed = errors.New("it is no JWT that Kubernetes issues")
	errSignature = errors.New("no key of the cluster's key set has signed it")
	errExpired   = errors.New("it has expired, or is not valid yet")
	errAudience  = errors.New("it is not for " + audience)
	errIssuer    = errors.New("its issuer is not the cluster's")
	errClaims    = errors.New("a claim that it needs is missing")
)

// Cluster is what tokens of one Kubernetes cluster are checked by.
type Cluster struct {
	// Issuer is the iss of its tokens.
	Issuer string
	// Keys finds the key for a token in the cluster's key set.
	Keys jwt.Keyfunc
}

// claims are those of a token that is bound to a pod
// (https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#bound-service-account-tokens).
type claims struct {
	jwt.RegisteredClaims
	Kubernetes struct {
		Namespace      string `json:"namespace"`
		Node           object `json:"node"` // where the pod is
		Pod            object `json:"pod"`
		ServiceAccount object `json:"serviceaccount"`
	} `json:"kubernetes.io"`
}

type object struct {
	Name string `json:"name"`
	UID  string `json:"uid"`
}

// Verify reports whether token is one of the pod's service account, bound to the pod,
// for this purpose and valid now: nil, [ErrToken] or [ErrOtherPod].
func (c Cluster) Verify(token string, pod rolestore.Pod, now time.Time) error {
	found, err := c.Read(token, "", now)
	if err != nil {
		return err
	}
	if found.ClusterName, found.SessionTags = pod.ClusterName, pod.SessionTags; found != pod {
		return ErrOtherPod
	}
	return nil
}

// Read returns the pod that token is bound to, with what the token says of it and no
// more. The token is one of the cluster, for this purpose and valid now; else the error is
// [ErrToken]. Of a pod on another node than that of the name, or on none, it is
// [ErrOtherNode]; an empty name is any.
func (c Cluster) Read(token, node string, now time.Time) (rolestore.Pod, error) {
	var pod rolestore.Pod
	switch {
	case token == "":
		return pod, fmt.Errorf("%w: %w", ErrToken, errNone)
	case len(token) > maxToken:
		return pod, fmt.Errorf("%w: %w", ErrToken, errMalformed)
	}
	parser := jwt.NewParser(
		jwt.WithValidMethods(methods),
		jwt.WithAudience(audience),
		jwt.WithIssuer(c.Issuer),
		jwt.WithExpirationRequired(),
		jwt.WithIssuedAt(),
		jwt.WithStrictDecoding(),
		jwt.WithLeeway(skew),
		jwt.WithTimeFunc(func() time.Time { return now }),
	)
	var found claims
	if _, err := parser.ParseWithClaims(token, &found, c.Keys); err != nil {
		return pod, fmt.Errorf("%w: %w", ErrToken, reason(err))
	}
	k := found.Kubernetes
	if found.Subject != "system:serviceaccount:"+k.Namespace+":"+k.ServiceAccount.Name || k.Pod.UID == "" {
		return pod, fmt.Errorf("%w: %w", ErrToken, errClaims)
	}
	if node != "" && k.Node.Name != node {
		return pod, ErrOtherNode
	}
	return rolestore.Pod{Namespace: k.Namespace, ServiceAccount: k.ServiceAccount.Name, Name: k.Pod.Name, UID: k.Pod.UID}, nil
}

// reason is a parser's error in words of ours: its own may quote what a stranger wrote.
func reason(err error) error {
	switch {
	case errors.Is(err, jwt.ErrTokenUnverifiable), errors.Is(err, jwt.ErrTokenSignatureInvalid):
		return errSignature
	case errors.Is(err, jwt.ErrTokenExpired), errors.Is(err, jwt.ErrTokenNotValidYet), errors.Is(err, jwt.ErrTokenUsedBeforeIssued):
		return errExpired
	case errors.Is(err, jwt.ErrTokenInvalidAudience):
		return errAudience
	case errors.Is(err, jwt.ErrTokenInvalidIssuer):
		return errIssuer
	case errors.Is(err, jwt.ErrTokenRequiredClaimMissing):
		return errClaims
	}
	return errMalformed
}
