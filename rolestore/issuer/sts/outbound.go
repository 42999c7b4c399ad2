package sts

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/rolecall/rolecall/rolestore/issuer/caller"
	"github.com/rolecall/rolecall/rolestore/issuer/directory"
	"github.com/rolecall/rolecall/rolestore/issuer/policy"
	"github.com/rolecall/rolecall/rolestore/issuer/query"
	"github.com/rolecall/rolecall/rolestore/issuer/session"
)

const (
	maxAudiences = 10

	// maxPayload bounds the claims of a token, in bytes: it travels in headers.
	maxPayload = 6144

	// ownClaims is where AWS puts what it says beyond RFC 7519.
	ownClaims = "https://sts.amazonaws.com/"
)

// vended is what is asked for.
type vended struct {
	audiences []string
	algorithm string
	life      time.Duration
	tags      []session.Tag
}

// getWebIdentityToken gives the caller a signed token by which he can prove to parties
// outside who he is
// (https://docs.aws.amazon.com/STS/latest/APIReference/API_GetWebIdentityToken.html).
func getWebIdentityToken(c *call) ([]query.Element, error) {
	v, err := c.readVended()
	if err != nil {
		return nil, err
	}
	context := c.Context()
	context.SetAll("sts:IdentityTokenAudience", v.audiences)
	context.SetInt("sts:DurationSeconds", int64(v.life/time.Second))
	context.Set("sts:SigningAlgorithm", v.algorithm)
	sessionTags{passed: v.tags}.setRequest(context)
	actions := []string{"sts:GetWebIdentityToken"}
	if len(v.tags) > 0 {
		actions = append(actions, "sts:TagGetWebIdentityToken")
	}
	for _, action := range actions {
		if err := c.Authorize(caller.Matter{Action: action, Resource: "*", Context: context}); err != nil {
			return nil, err
		}
	}
	id, ok := c.Directory.TokenIssuer(c.Caller.Account)
	if !ok || c.config.URL == "" {
		return nil, query.Forbidden("OutboundWebIdentityFederationDisabledException", "Outbound web identity federation is not enabled for this account.")
	}
	expires := c.Now.Add(v.life).Truncate(time.Second)
	if own := c.Caller.Claims; own != nil && expires.After(own.Expires) {
		return nil, query.Forbidden("SessionDurationEscalationException", "The requested token duration would extend the session beyond its original expiration time.")
	}
	token, err := c.vend(v, c.issuerURL(id), expires, context)
	if err != nil {
		return nil, err
	}
	return []query.Element{{Name: "WebIdentityToken", Text: token}, {Name: "Expiration", Instant: expires}}, nil
}

func (c *call) readVended() (v vended, err error) {
	p := newReader(c.Form)
	for i := 1; ; i++ {
		audience, ok := p.Value("Audience.member." + strconv.Itoa(i))
		if !ok {
			break
		}
		p.Check(audience, query.Constraint{Name: "audience." + strconv.Itoa(i) + ".member", Min: 1, Max: 1000})
		v.audiences = append(v.audiences, audience)
	}
	if len(v.audiences) == 0 {
		p.Missing("audience")
	}
	p.AtMost("audience", len(v.audiences), maxAudiences)
	v.algorithm = p.Required("SigningAlgorithm", query.Constraint{Name: "signingAlgorithm", Min: 5, Max: 5})
	if v.algorithm != directory.RS256 && v.algorithm != directory.ES384 {
		p.Mean(query.Validation("1 validation error detected: Value '%s' at 'signingAlgorithm' failed to satisfy constraint: Member must satisfy enum value set: [%s, %s]", v.algorithm, directory.RS256, directory.ES384))
	}
	v.life = p.duration(webTokenLife)
	v.tags = p.tags(false)
	return v, p.Err()
}

// vend signs a token. Its subject is the user or role, not the session.
func (c *call) vend(v vended, issuer string, expires time.Time, context *policy.Context) (string, error) {
	own := map[string]any{"aws_account": c.Caller.Account, "source_region": c.Caller.Region}
	if tags := tagsIn(context, "aws:PrincipalTag/"); len(tags) > 0 {
		own["principal_tags"] = tags
	}
	if tags := tagsIn(context, "aws:RequestTag/"); len(tags) > 0 {
		own["request_tags"] = tags
	}
	for key, values := range context.All() {
		if key == "ec2:SourceInstanceARN" {
			own["ec2_source_instance_arn"] = values[0]
		}
	}
	claims := jwt.MapClaims{
		"iss": issuer, "sub": c.Caller.Principal().ARN, "aud": v.audiences, "jti": rand.Text(),
		"iat": c.Now.Unix(), "exp": expires.Unix(), ownClaims: own,
	}
	if len(v.audiences) == 1 {
		claims["aud"] = v.audiences[0]
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	if len(payload) > maxPayload {
		return "", query.BadRequest("JWTPayloadSizeExceededException", "The requested token payload size exceeds the maximum allowed size.")
	}
	key, ok := c.Directory.TokenKey(v.algorithm, c.Now)
	if !ok {
		return "", &query.Error{Code: "ServiceUnavailable", Message: "There is no key for this algorithm.", Status: http.StatusServiceUnavailable}
	}
	token := jwt.NewWithClaims(jwt.GetSigningMethod(v.algorithm), claims)
	token.Header["kid"] = thumbprint(key.Signer.Public())
	return token.SignedString(key.Signer)
}

// tagsIn are the tags of a context by their keys.
func tagsIn(context *policy.Context, prefix string) map[string]string {
	tags := map[string]string{}
	for key, values := range context.All() {
		if len(key) > len(prefix) && key[:len(prefix)] == prefix {
			tags[key[len(prefix):]] = values[0]
		}
	}
	return tags
}
