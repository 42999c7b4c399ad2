package sts

import (
	"net/url"
	"regexp"
	"time"

	"github.com/rolecall/rolecall/rolestore/issuer/query"
)

// The bounds and patterns are those of the API's model. A pattern that Java reads
// as \w is ASCII here as there.
var (
	sessionNamePattern = query.Constraint{Name: "roleSessionName", Min: 2, Max: 64, Pattern: regexp.MustCompile(`^[A-Za-z0-9_+=,.@-]*$`), Shown: `[\w+=,.@-]*`}
	roleARNBounds      = query.Constraint{Name: "roleArn", Min: 20, Max: 2048}
	externalIDPattern  = query.Constraint{Name: "externalId", Min: 2, Max: 1224, Pattern: regexp.MustCompile(`^[A-Za-z0-9_+=,.@:/-]*$`), Shown: `[\w+=,.@:\/-]*`}
	webTokenBounds     = query.Constraint{Name: "webIdentityToken", Min: 4, Max: 20000, Hidden: true}

	sourceIdentityPattern = query.Constraint{Name: "sourceIdentity", Min: 2, Max: 64, Pattern: sessionNamePattern.Pattern, Shown: sessionNamePattern.Shown}
	federatedNamePattern  = query.Constraint{Name: "name", Min: 2, Max: 32, Pattern: sessionNamePattern.Pattern, Shown: sessionNamePattern.Shown}
	serialNumberPattern   = query.Constraint{Name: "serialNumber", Min: 9, Max: 256, Pattern: regexp.MustCompile(`^[A-Za-z0-9_+=/:,.@-]*$`), Shown: `[\w+=/:,.@-]*`}
	tokenCodePattern      = query.Constraint{Name: "tokenCode", Min: 6, Max: 6, Pattern: regexp.MustCompile(`^[0-9]*$`), Shown: `[\d]*`, Hidden: true}
	accessKeyIDPattern    = query.Constraint{Name: "accessKeyId", Min: 16, Max: 128, Pattern: regexp.MustCompile(`^[A-Za-z0-9_]*$`), Shown: `[\w]*`}
	sessionPolicyBounds   = query.Constraint{Name: "policy", Min: 1, Max: 2048, Pattern: regexp.MustCompile(`^[\t\n\r -\x{ff}]+$`), Shown: `[\u0009\u000A\u000D\u0020-\u00FF]+`}
	encodedMessageBounds  = query.Constraint{Name: "encodedMessage", Min: 1, Max: 10240}
	providerIDBounds      = query.Constraint{Name: "providerId", Min: 4, Max: 2048}
	tradeInTokenBounds    = query.Constraint{Name: "tradeInToken", Min: 4, Max: 20000, Hidden: true}
	targetPrincipalBounds = query.Constraint{Name: "targetPrincipal", Min: 12, Max: 2048}
	tagKeyPattern         = query.Constraint{Min: 1, Max: 128, Pattern: regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]+$`), Shown: `[\p{L}\p{Z}\p{N}_.:/=+\-@]+`}
	tagValuePattern       = query.Constraint{Max: 256, Pattern: regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`), Shown: `[\p{L}\p{Z}\p{N}_.:/=+\-@]*`}

	arnPattern = regexp.MustCompile(`^arn:[^:]+:[^:]+:[^:]*:[^:]*:[^:]+$`)
)

// lifetimes bound DurationSeconds.
type lifetimes struct{ least, most, usual time.Duration }

var (
	assumeRoleLife   = lifetimes{900 * time.Second, 43200 * time.Second, 3600 * time.Second}
	sessionTokenLife = lifetimes{900 * time.Second, 129600 * time.Second, 43200 * time.Second}
	assumeRootLife   = lifetimes{0, 900 * time.Second, 900 * time.Second}
	webTokenLife     = lifetimes{60 * time.Second, 3600 * time.Second, 300 * time.Second}
)

// arnBounds are those of an ARN in a list or a structure.
func arnBounds(name string) query.Constraint { return query.Constraint{Name: name, Min: 20, Max: 2048} }

// lists are the parameters that hold lists. SDKs send an empty list as an empty
// parameter.
var lists = []string{"Audience", "PolicyArns", "ProvidedContexts", "Tags", "TransitiveTagKeys"}

// reader reads the parameters of this API.
type reader struct{ *query.Reader }

func newReader(form url.Values) reader { return reader{query.NewReader(form, lists)} }

// roleARN reads RoleArn.
func (p reader) roleARN() string {
	arn := p.Required("RoleArn", roleARNBounds)
	if !arnPattern.MatchString(arn) {
		p.Mean(query.Validation("%s is invalid", arn))
	}
	return arn
}

// duration reads DurationSeconds.
func (p reader) duration(l lifetimes) time.Duration {
	const second = int(time.Second)
	n := p.Number("DurationSeconds", "durationSeconds", int(l.least)/second, int(l.most)/second, int(l.usual)/second)
	return time.Duration(n) * time.Second
}
