package sts

import (
	"crypto/sha1" //nolint:gosec // it is AWS's form of an identifier, and protects nothing
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rolecall/rolecall/rolestore/issuer/directory"
	"github.com/rolecall/rolecall/rolestore/issuer/policy"
	"github.com/rolecall/rolecall/rolestore/issuer/query"
	"github.com/rolecall/rolecall/rolestore/issuer/saml"
	"github.com/rolecall/rolecall/rolestore/issuer/session"
)

// The attributes that AWS has its own meaning for
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_saml_assertions.html).
const (
	samlAttribute   = "https://aws.amazon.com/SAML/Attributes/"
	samlRole        = samlAttribute + "Role"
	samlSessionName = samlAttribute + "RoleSessionName"
	samlDuration    = samlAttribute + "SessionDuration"
	samlSource      = samlAttribute + "SourceIdentity"
	samlTransitive  = samlAttribute + "TransitiveTagKeys"
	samlTag         = samlAttribute + "PrincipalTag:"
)

// samlFederated is whom a verified assertion is about, in the words of policies. Part of
// what he asks for, the session's name, is the provider's to say.
func (c *call) samlFederated(p *directory.SAMLProvider, a *saml.Assertion, asked *federatedRequest) (who federated, err error) {
	who = federated{action: withSAML, provider: p.ARN()}
	if !mayHave(a, asked.arn, p.ARN()) {
		return who, refuseSAML("the assertion has no Role of " + asked.arn + " and " + p.ARN())
	}
	if accountOf(asked.arn) != p.Account {
		return who, refuseSAML("the role is of another account than the provider")
	}
	if asked.name, err = samlName(a); err != nil {
		return who, err
	}
	if who.source, err = samlSourceIdentity(a); err != nil {
		return who, err
	}
	if who.tags, err = samlTags(a); err != nil {
		return who, err
	}
	if who.most, err = c.samlMost(a); err != nil {
		return who, err
	}
	who.subject = asked.name // which no parameter has
	c.describeSAML(&who, p, a)
	return who, nil
}

// mayHave reports whether the assertion pairs the role with the provider, in either
// order.
func mayHave(a *saml.Assertion, role, provider string) bool {
	return slices.ContainsFunc(a.Values(samlRole), func(pair string) bool {
		one, other, ok := strings.Cut(pair, ",")
		one, other = strings.TrimSpace(one), strings.TrimSpace(other)
		return ok && (one == role && other == provider || one == provider && other == role)
	})
}

// accountOf is the account in an ARN.
func accountOf(arn string) string {
	if fields := strings.Split(arn, ":"); len(fields) > 4 {
		return fields[4]
	}
	return ""
}

// samlName is the session's name. An attribute of one value that has several is none.
func samlName(a *saml.Assertion) (string, error) {
	values := a.Values(samlSessionName)
	switch {
	case len(values) != 1:
		return "", invalidSAML("RoleSessionName is required in AuthnResponse")
	case !within(values[0], sessionNamePattern):
		return "", invalidSAML("RoleSessionName in AuthnResponse must match [a-zA-Z_0-9+=,.@-]{2,64}")
	}
	return values[0], nil
}

func samlSourceIdentity(a *saml.Assertion) (string, error) {
	values := a.Values(samlSource)
	if len(values) == 0 {
		return "", nil
	}
	if len(values) > 1 || !vouchedSource(values[0]) {
		return "", invalidSAML(`Source Identity must match [a-zA-Z_0-9+=,.@-]{2,64} and not begin with "aws:"`)
	}
	return values[0], nil
}

// samlTags are the session tags. Each has one value.
func samlTags(a *saml.Assertion) (sessionTags, error) {
	tags := map[string]string{}
	for _, attribute := range a.Attributes {
		key, ok := strings.CutPrefix(attribute.Name, samlTag)
		if !ok {
			continue
		}
		if _, twice := tags[key]; twice || len(attribute.Values) != 1 {
			return sessionTags{}, invalidSAML("PrincipalTag:" + clipTag(key) + " in AuthnResponse must have one value")
		}
		tags[key] = attribute.Values[0]
	}
	all, err := vouchedTags(tags, a.Values(samlTransitive))
	if err != nil {
		return all, invalidSAML("The session tags in AuthnResponse are not valid: " + err.Error())
	}
	return all, nil
}

// samlMost is how long a session may be, at most, by what the provider says: it can
// shorten, never lengthen.
func (c *call) samlMost(a *saml.Assertion) (time.Duration, error) {
	most := c.until(a.SessionEnds)
	values := a.Values(samlDuration)
	if len(values) == 0 {
		return most, nil
	}
	seconds, err := strconv.Atoi(strings.TrimSpace(values[0]))
	life := time.Duration(seconds) * time.Second
	if err != nil || len(values) > 1 || life < assumeRoleLife.least || life > assumeRoleLife.most {
		return 0, invalidSAML("SessionDuration in AuthnResponse must be a number of seconds from 900 to 43200")
	}
	if most == 0 {
		return life, nil
	}
	return min(most, life), nil
}

// describeSAML sets the condition keys and the elements of the reply.
func (c *call) describeSAML(who *federated, p *directory.SAMLProvider, a *saml.Assertion) {
	sum := sha1.Sum([]byte(a.Issuer + p.Account + "/" + p.Name)) //nolint:gosec // see above
	qualifier := base64.StdEncoding.EncodeToString(sum[:])
	kind := strings.TrimPrefix(a.Format, "urn:oasis:names:tc:SAML:2.0:nameid-format:")
	m := policy.NewContext()
	m.Set("saml:aud", a.Recipient)
	m.Set("saml:iss", a.Issuer)
	m.Set("saml:doc", p.Account+"/"+p.Name)
	// These alone go on into the session
	// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html#condition-keys-saml).
	who.kept = []session.Fact{{Key: "saml:namequalifier", Value: qualifier}, {Key: "saml:sub", Value: a.Subject}, {Key: "saml:sub_type", Value: kind}}
	for _, fact := range who.kept {
		m.Set(fact.Key, fact.Value)
	}
	for key, values := range samlPersonal(a) {
		m.SetAll(key, values)
	}
	who.keys = m
	who.described = []query.Element{
		{Name: "Subject", Text: a.Subject}, {Name: "SubjectType", Text: kind}, {Name: "Issuer", Text: a.Issuer},
		{Name: "Audience", Text: a.Recipient}, {Name: "NameQualifier", Text: qualifier},
	}
}

func invalidSAML(message string) error { return query.BadRequest("InvalidIdentityToken", message) }

// clipTag bounds what a refusal repeats of a tag's key.
func clipTag(key string) string { return fmt.Sprintf("%.128s", key) }
