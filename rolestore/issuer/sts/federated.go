package sts

import (
	"fmt"
	"strings"
	"time"

	"github.com/rolecall/rolecall/rolestore/issuer/caller"
	"github.com/rolecall/rolecall/rolestore/issuer/directory"
	"github.com/rolecall/rolecall/rolestore/issuer/policy"
	"github.com/rolecall/rolecall/rolestore/issuer/query"
	"github.com/rolecall/rolecall/rolestore/issuer/session"
)

// federated is somebody for whom an identity provider vouches.
type federated struct {
	// action is that of the trust policy by which he comes in.
	action string
	// provider is whom a trust policy names: an ARN, or the host of one that needs no
	// object of its own.
	provider string
	// subject is who he is, for the log.
	subject string
	// keys are the condition keys of what the provider says, lists marked by their kind;
	// of which kept go on into the session.
	keys   *policy.Context
	kept   []session.Fact
	tags   sessionTags
	source string
	// most bounds his session beyond what he asks for; zero if nothing does.
	most time.Duration
	// described are the elements of the reply that tell of him.
	described []query.Element
}

// federatedRequest is what he asks for.
type federatedRequest struct {
	arn, name string
	life      time.Duration
	limits    limits
}

// assumeFederated gives him a session of the role, if its trust policy lets him have it.
// Only that is asked: he has no policies of his own here.
func (c *call) assumeFederated(who federated, asked federatedRequest) ([]query.Element, error) {
	c.Who = who.subject + " of " + who.provider
	role := c.Directory.Role(asked.arn)
	if err := c.trusts(role, who, asked); err != nil {
		return nil, err
	}
	if asked.life > role.MaxSessionDuration {
		return nil, query.Validation("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
	}
	if err := asked.limits.check(c.Directory, role.Account); err != nil {
		return nil, err
	}
	life := asked.life
	if who.most > 0 {
		life = min(life, who.most)
	}
	claims := c.claim(session.AssumedRole, role.UniqueID, role.Account, asked.name, life)
	claims.Policy, claims.PolicyARNs = asked.limits.policy, asked.limits.arns
	claims.Tags, claims.SourceIdentity, claims.Provider, claims.Context = who.tags.all(), who.source, who.provider, who.kept
	issued, err := c.seal(claims)
	if err != nil {
		return nil, err
	}
	result := append([]query.Element{credentials(issued), assumedRoleUser(role, asked.name)}, who.described...)
	if claims.Restricted() || len(claims.Tags) > 0 {
		result = append(result, query.Number("PackedPolicySize", claims.PackedSize()))
	}
	if who.source != "" {
		result = append(result, query.Element{Name: "SourceIdentity", Text: who.source})
	}
	return result, nil
}

// trusts refuses a role whose trust policy does not let him have it with these tags and
// this source identity, and one that there is not, in the same words.
func (c *call) trusts(role *directory.Role, who federated, asked federatedRequest) error {
	refuse := func(reason string) error {
		e := query.Forbidden("AccessDenied", "Not authorized to perform "+who.action)
		e.Reason = reason
		return e
	}
	if role == nil {
		return refuse("there is no such role")
	}
	keys := who.keys.Clone()
	c.describeFederated(keys, role, who, asked)
	actions := []string{who.action}
	if len(who.tags.passed) > 0 {
		actions = append(actions, "sts:TagSession")
	}
	if who.source != "" {
		actions = append(actions, "sts:SetSourceIdentity")
	}
	for _, action := range actions {
		d := policy.Evaluate(policy.Request{Principal: policy.Principal{Federated: who.provider}, Action: action, Resource: role.ARN(), Context: keys},
			policy.Policies{Resource: trustOf(role)})
		if !d.Allowed() {
			return refuse(fmt.Sprintf("%s of %s: %s", action, who.provider, strings.TrimSpace(d.Because(action))))
		}
	}
	return nil
}

// describeFederated sets the condition keys that are not the provider's.
func (c *call) describeFederated(m *policy.Context, role *directory.Role, who federated, asked federatedRequest) {
	caller.DescribeWay(m, c.Request)
	m.SetTime("aws:CurrentTime", c.Now)
	m.SetInt("aws:EpochTime", c.Now.Unix())
	m.SetBool("aws:ViaAWSService", false)
	m.SetBool("aws:PrincipalIsAWSService", false)
	m.Set("aws:FederatedProvider", who.provider)
	m.Set("sts:RoleSessionName", asked.name)
	if who.source != "" {
		m.Set("sts:SourceIdentity", who.source)
	}
	who.tags.setRequest(m)
	caller.SetResourceTags(m, role.Tags)
}

// within reports whether what a provider says keeps the bounds of a parameter of ASCII.
func within(text string, c query.Constraint) bool {
	return len(text) >= c.Min && len(text) <= c.Max && c.Pattern.MatchString(text)
}

// vouchedSource reports whether a provider's source identity is one.
func vouchedSource(text string) bool { return within(text, sourceIdentityPattern) && !reserved(text) }

// vouchedTags are the session tags of a provider's, checked as those of a request
// are.
func vouchedTags(tags map[string]string, transitive []string) (sessionTags, error) {
	var t sessionTags
	if err := directory.CheckTags(tags); err != nil {
		return t, err
	}
	for key, value := range tags {
		t.passed = append(t.passed, session.Tag{Key: key, Value: value})
	}
	for _, key := range transitive {
		found := false
		for i := range t.passed {
			if equalKeys(t.passed[i].Key, key) {
				t.passed[i].Transitive, found = true, true
			}
		}
		if !found {
			return t, fmt.Errorf("transitive tag key %.128q is none of the tags'", key)
		}
	}
	return t, nil
}
