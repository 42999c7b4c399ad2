package verify

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// tokenPrefix is aws-iam-authenticator's, whose tokens are these
	// (https://github.com/kubernetes-sigs/aws-iam-authenticator#api-authorization-from-outside-a-cluster).
	tokenPrefix = "k8s-aws-v1."

	// maxToken bounds a token, in bytes: a URL of 6 KiB. The session token in it has up to
	// 2,500 characters, some of which are escaped.
	maxToken = 8 << 10

	// dateFormat is that of X-Amz-Date.
	dateFormat = "20060102T150405Z"
)

// presignedNames are the parameters that the URL of a token may have, and has once.
var presignedNames = []string{
	"Action", "Version", "X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires",
	"X-Amz-Security-Token", "X-Amz-SignedHeaders", "X-Amz-Signature", "x-amz-user-agent",
}

// presigned is what a token says of itself.
type presigned struct {
	query       url.Values
	accessKeyID string
	signed      time.Time
}

// readToken reads a token that is for the endpoint and for nothing but GetCallerIdentity.
// The rest of the URL is not looked at any more after that: where the token is sent is
// not its maker's choice.
func (i *Identity) readToken(token string) (p presigned, err error) {
	encoded, ok := strings.CutPrefix(token, tokenPrefix)
	if !ok || len(token) > maxToken {
		return p, fmt.Errorf("want %s and at most %d bytes", tokenPrefix, maxToken)
	}
	text, err := base64.RawURLEncoding.Strict().DecodeString(strings.TrimRight(encoded, "="))
	if err != nil {
		return p, err
	}
	u, err := url.Parse(string(text))
	switch {
	case err != nil:
		return p, fmt.Errorf("it holds no URL") // the error would have the URL in it, which is good for 15 minutes
	case u.Scheme != i.endpoint.Scheme || !strings.EqualFold(u.Host, i.endpoint.Host):
		return p, fmt.Errorf("it is for %s://%s, and not for %s", u.Scheme, u.Host, i.endpoint)
	case u.User != nil || u.Opaque != "" || u.Fragment != "" || u.Path != "" && u.Path != "/":
		return p, fmt.Errorf("its URL has more than a host and a query")
	}
	if p.query, err = url.ParseQuery(u.RawQuery); err != nil {
		return p, fmt.Errorf("its query is malformed")
	}
	for name, values := range p.query {
		if !slices.Contains(presignedNames, name) || len(values) != 1 {
			return p, fmt.Errorf("the parameter %q is not allowed, or there twice", name)
		}
	}
	if p.query.Get("Action") != "GetCallerIdentity" || p.query.Get("Version") != "2011-06-15" {
		return p, fmt.Errorf("it is for %q of version %q", p.query.Get("Action"), p.query.Get("Version"))
	}
	names := strings.Split(p.query.Get("X-Amz-SignedHeaders"), ";")
	slices.Sort(names)
	want := []string{"host", strings.ToLower(i.config.Header)}
	slices.Sort(want)
	if !slices.Equal(names, want) {
		return p, fmt.Errorf("it signs the headers %q, and not %q", names, want)
	}
	p.accessKeyID, _, _ = strings.Cut(p.query.Get("X-Amz-Credential"), "/")
	p.signed, err = i.fresh(p.query)
	return p, err
}

// fresh returns when a token was signed. It is good for 15 minutes, as to the STS, or for
// as long as it says itself; aws-iam-authenticator's say 0.
func (i *Identity) fresh(query url.Values) (time.Time, error) {
	signed, err := time.Parse(dateFormat, query.Get("X-Amz-Date"))
	if err != nil {
		return signed, fmt.Errorf("X-Amz-Date %q: want %s", query.Get("X-Amz-Date"), dateFormat)
	}
	life := maxWindow
	if text := query.Get("X-Amz-Expires"); text != "" && text != "0" {
		seconds, err := strconv.Atoi(text)
		if life = time.Duration(seconds) * time.Second; err != nil || seconds < 0 || life > maxWindow {
			return signed, fmt.Errorf("X-Amz-Expires %q: want at most %d", text, int(maxWindow/time.Second))
		}
	}
	if age := i.config.Now().Sub(signed); age > life || age < -maxWindow {
		return signed, fmt.Errorf("it was signed at %s and is good for %s", signed.Format(time.RFC3339), life)
	}
	return signed, nil
}
