package relying

import (
	"regexp"
	"strings"
	"time"

	"github.com/rolecall/rolecall/rolestore/issuer/policy"
	"github.com/rolecall/rolecall/rolestore/issuer/query"
	"github.com/rolecall/rolecall/rolestore/issuer/sigv4"
	"github.com/rolecall/rolecall/rolestore/verify/wire"
)

var (
	// serviceName is what a service may be called: a prefix of actions, too.
	serviceName = regexp.MustCompile(`^[a-z0-9-]{1,64}$`)

	actionName = regexp.MustCompile(`^[a-zA-Z0-9-]{1,64}:[a-zA-Z0-9]{1,128}$`)
)

// told are the condition keys of AWS's that a service may say: what it alone sees.
// Those that end in a slash have the key of a tag behind it
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html).
var told = []string{
	"aws:sourceip", "aws:securetransport", "aws:useragent", "aws:referer", "aws:vpcsourceip",
	"aws:resourceaccount", "aws:resourcetag/", "aws:requesttag/", "aws:tagkeys",
}

func check(q *wire.Question) error {
	window := time.Duration(q.WindowSeconds) * time.Second
	switch {
	case q.Method == "" || q.Host == "":
		return query.Validation("method and host of the request are missing")
	case !serviceName.MatchString(q.Service):
		return query.Validation("service %q: want the name that callers sign for, of lower-case letters, digits and hyphens", q.Service)
	case window < 0 || window > sigv4.MaxSkew:
		return query.Validation("window_seconds %d: want 1 to %d, or nothing", q.WindowSeconds, int(sigv4.MaxSkew/time.Second))
	case q.Authorize == nil:
		return nil
	case !actionName.MatchString(q.Authorize.Action):
		return query.Validation("authorize.action %q: want service:Name, as in reports:GetReport", q.Authorize.Action)
	case q.Authorize.Resource != "*" && !strings.HasPrefix(q.Authorize.Resource, "arn:"):
		return query.Validation("authorize.resource %q: want an ARN or *", q.Authorize.Resource)
	}
	said := map[string]bool{}
	for key, values := range q.Authorize.Context {
		folded := policy.Fold(key)
		if !tellable(folded) || len(values) == 0 || said[folded] {
			return query.Validation("authorize.context: %q is not for a service to say, has no value, or is there twice", key)
		}
		said[folded] = true
	}
	return nil
}

// tellable reports whether a service may say what the value of a folded condition key is.
func tellable(key string) bool {
	prefix, name, _ := strings.Cut(key, ":")
	if prefix == "" || name == "" {
		return false
	}
	if prefix != "aws" {
		return true
	}
	for _, t := range told {
		if key == t || strings.HasSuffix(t, "/") && strings.HasPrefix(key, t) {
			return true
		}
	}
	return false
}
