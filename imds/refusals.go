package imds

import (
	"fmt"
	"net/http"
)

// refusal is why a request is not answered with what it asked for.
type refusal struct {
	status int
	reason string // what is wrong, for the log and for rolecall status
	remedy string // what an operator does about it
	allow  string // with 405, the methods of the path (RFC 9110, section 15.5.6)
}

// All that can go wrong, but for tokens that are not verified: see refusedToken.
var (
	refusedUnidentified = &refusal{status: http.StatusForbidden, reason: "the socket belongs to no instance",
		remedy: "see rolecall status for the instances that are served, and by which way"}
	refusedDisabled = &refusal{status: http.StatusForbidden, reason: "the instance's metadata service is turned off",
		remedy: "set metadata_options.http_endpoint to enabled"}
	refusedHost = &refusal{status: http.StatusForbidden, reason: "the Host header names another host",
		remedy: "ask by address: http://169.254.169.254"}
	refusedBrowser = &refusal{status: http.StatusForbidden, reason: "the request comes from a web page",
		remedy: "ask from a program: browsers are not answered"}
	refusedForwarded = &refusal{status: http.StatusForbidden, reason: "the request was forwarded by a proxy",
		remedy: "add 169.254.169.254 to NO_PROXY, or remove the proxy that sets X-Forwarded-For"}
	refusedExpectation = &refusal{status: http.StatusExpectationFailed, reason: "the request expects a reply before its body",
		remedy: "send no Expect header: with curl, -H 'Expect:'"}
	refusedTTL = &refusal{status: http.StatusBadRequest, reason: "the token's life is missing or out of range",
		remedy: fmt.Sprintf("send %s once, from 1 to %d", ttlHeader, maxTTL)}
	refusedTokenPath = &refusal{status: http.StatusForbidden, reason: "tokens are not minted at this path",
		remedy: "PUT " + tokenPath + ", without a version or a final slash"}
	refusedTokenMethod = &refusal{status: http.StatusMethodNotAllowed, reason: "tokens are minted by PUT",
		remedy: "PUT " + tokenPath, allow: "PUT"}
	refusedMethod = &refusal{status: http.StatusMethodNotAllowed, reason: "metadata is only read",
		remedy: "ask by GET or HEAD", allow: "GET, HEAD"}
	refusedNoToken = &refusal{status: http.StatusUnauthorized, reason: "there is no session token, and the instance requires one",
		remedy: "use an SDK with IMDSv2, or set metadata_options.http_tokens to optional"}
	refusedTokens = &refusal{status: http.StatusUnauthorized, reason: "there is more than one session token",
		remedy: "send " + tokenHeader + " once"}
	refusedNotReady = &refusal{status: http.StatusServiceUnavailable, reason: "the role's first credentials are not here yet",
		remedy: "see the instance's last error in rolecall status"}
	refusedUnsigned = &refusal{status: http.StatusServiceUnavailable, reason: "the identity document is not signed yet",
		remedy: "see rolecall status: the core signs it, once the instance has its role's first credentials"}
	throttledRequests = &refusal{status: http.StatusServiceUnavailable, reason: "the instance asks more often than one may",
		remedy: "keep what was read, as SDKs do; or let each instance ask more often, by --request-rate of the agent"}
	throttledPod    = &refusal{status: http.StatusTooManyRequests, reason: throttledRequests.reason, remedy: throttledRequests.remedy}
	throttledTokens = &refusal{status: http.StatusServiceUnavailable, reason: "the instance asks for session tokens more often than one may",
		remedy: "use a session token for as long as it lives; or let each instance have more, by --token-rate of the agent"}

	// What never was a request; see conn.
	refusedHeaders = &refusal{status: http.StatusRequestHeaderFieldsTooLarge, reason: "the request's headers are too large",
		remedy: "send the headers that SDKs send, which are under 1 KiB"}
	refusedMalformed = &refusal{status: http.StatusBadRequest, reason: "the request is no HTTP/1.0 or HTTP/1.1",
		remedy: "ask by an SDK or curl: http://169.254.169.254"}
	refusedSlow = &refusal{status: http.StatusRequestTimeout, reason: "the request did not come in time, and its connection was closed",
		remedy: fmt.Sprintf("send a request within %s", requestTimeout)}

	// notFound is an answer like others: SDKs and cloud-init ask for what may
	// not be there. It is neither logged nor kept.
	notFound = &refusal{status: http.StatusNotFound}
)

// pending reports whether what was asked for is going to be there in a moment.
func (r *refusal) pending() bool { return r == refusedNotReady || r == refusedUnsigned }

// tooOften reports whether the caller is refused because of how often it asks.
func (r *refusal) tooOften() bool {
	return r == throttledRequests || r == throttledPod || r == throttledTokens
}

// refusedHops is for a token whose reply cannot be kept within the hop limit.
func refusedHops(err error) *refusal {
	return &refusal{status: http.StatusServiceUnavailable, reason: "the hop limit cannot be set: " + err.Error(),
		remedy: "ask again by a new connection"}
}

// refusedToken is for a token that was not verified, with the reason of
// imds/token.
func refusedToken(err error) *refusal {
	return &refusal{status: http.StatusUnauthorized, reason: err.Error(),
		remedy: "get a new token: PUT " + tokenPath}
}
