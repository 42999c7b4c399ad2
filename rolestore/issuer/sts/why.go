package sts

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/rolecall/rolecall/rolestore/issuer/caller"
	"github.com/rolecall/rolecall/rolestore/issuer/directory"
	"github.com/rolecall/rolecall/rolestore/issuer/hosts"
	"github.com/rolecall/rolecall/rolestore/issuer/policy"
	"github.com/rolecall/rolecall/rolestore/issuer/query"
	"github.com/rolecall/rolecall/rolestore/issuer/session"
)

// Question is what somebody would want to do.
type Question struct {
	// Principal is the ARN of a user, a role, a role's session, a SAML provider or an
	// account's root, or the name of a service.
	Principal string `json:"principal"`
	Action    string `json:"action"`
	// Resource is an ARN, or * for an action without one.
	Resource string `json:"resource"`
	// Instance is the id of an instance, in the place of principal and action: would
	// its host be given its role? Resource is then the ARN of the role, or empty for the
	// one that was fetched last or that a grant names first.
	Instance string `json:"instance,omitempty"`
	// Context are further condition keys and their values, such as sts:ExternalId.
	Context map[string][]string `json:"context,omitempty"`
}

// Answer is what would come of it, and why.
type Answer struct {
	Effect string `json:"effect"`
	// Because is the end of AWS's text of an AccessDenied.
	Because string `json:"because,omitempty"`
	// Missing are the condition keys that the request lacks and policies ask for.
	Missing []string `json:"missing,omitempty"`
	// Instance is how it stands with the instance that was asked about.
	Instance *hosts.Standing `json:"instance,omitempty"`
	// Statements are all that have a say, with what each says.
	Statements []StatementSaid `json:"statements"`
}

// StatementSaid is what one statement has to say.
type StatementSaid struct {
	PolicyType string `json:"policy_type"`
	Policy     string `json:"policy"`
	// Statement is the Sid, or the place in the document, from 0.
	Statement string `json:"statement"`
	Effect    string `json:"effect"`
	Applies   bool   `json:"applies"`
	// Decided is set for those that made the decision.
	Decided bool `json:"decided"`
	// Element is the first that keeps the statement from applying, Conditions are those
	// that do not hold, and Missing the keys that these ask for.
	Element    string   `json:"element,omitempty"`
	Conditions []string `json:"conditions,omitempty"`
	Missing    []string `json:"missing,omitempty"`
}

// Why answers a question by the policies of now. An error says what is not there.
func (s *Server) Why(q Question) (Answer, error) {
	if q.Instance != "" {
		return s.whyInstance(q)
	}
	c := &caller.Call{Request: &query.Request{}, Directory: s.config.Directory.Snapshot(), Now: s.config.Now()}
	request := policy.Request{Action: q.Action, Resource: q.Resource, Context: policy.NewContext()}
	if !strings.Contains(q.Action, ":") || q.Resource == "" {
		return Answer{}, fmt.Errorf("action %q on resource %q: want service:Name, as in sts:AssumeRole, and an ARN or *", q.Action, q.Resource)
	}
	var policies policy.Policies
	switch {
	case strings.HasSuffix(q.Principal, ".amazonaws.com"):
		request.Principal = policy.Principal{Service: q.Principal}
		request.Context.SetBool("aws:PrincipalIsAWSService", true)
		request.Context.Set("aws:PrincipalServiceName", q.Principal)
		request.Context.SetTime("aws:CurrentTime", c.Now)
	case c.Directory.SAMLProvider(q.Principal) != nil: // what it says of a person, the question says
		request.Principal = policy.Principal{Federated: q.Principal}
		request.Context.SetBool("aws:PrincipalIsAWSService", false)
		request.Context.Set("aws:FederatedProvider", q.Principal)
		request.Context.SetTime("aws:CurrentTime", c.Now)
	default:
		if c.Caller = findCaller(c.Directory, q.Principal); c.Caller == nil {
			return Answer{}, fmt.Errorf("principal %q: there is no such user, role or account, and it is no service", q.Principal)
		}
		if c.Caller.Claims != nil {
			c.Caller.Claims.Issued = c.Now
		}
		request.Principal, request.Context, policies = c.Caller.Principal(), c.Context(), c.Policies(nil)
	}
	if role := c.Directory.Role(q.Resource); role != nil {
		policies.Resource = trustOf(role)
		assumption{}.describeRole(request.Context, role)
	} else if strings.HasPrefix(strings.ToLower(q.Action), "sts:assumerole") {
		return Answer{}, fmt.Errorf("resource %q: there is no such role", q.Resource)
	}
	q.describe(request.Context)
	return answerTo(request, policies), nil
}

// describe sets the further condition keys.
func (q Question) describe(c *policy.Context) {
	for _, key := range slices.Sorted(maps.Keys(q.Context)) {
		if values := q.Context[key]; len(values) == 1 {
			c.Set(key, values[0])
		} else {
			c.SetAll(key, values)
		}
	}
}

// requestTags are the session tags that the request would set.
func (q Question) requestTags() map[string]string {
	const prefix = "aws:RequestTag/"
	tags := map[string]string{}
	for key, values := range q.Context {
		if len(key) > len(prefix) && strings.EqualFold(key[:len(prefix)], prefix) && len(values) == 1 {
			tags[key[len(prefix):]] = values[0]
		}
	}
	return tags
}

// whyInstance answers what would come of a token of the instance's host.
func (s *Server) whyInstance(q Question) (Answer, error) {
	if q.Principal != "" || q.Action != "" {
		return Answer{}, fmt.Errorf("instance %q: the principal is %s and the action sts:AssumeRole: leave them out", q.Instance, "ec2.amazonaws.com")
	}
	context := policy.NewContext()
	q.describe(context)
	standing, request, policies := s.config.Desk.Why(q.Instance, q.Resource, q.requestTags(), context, s.config.Now())
	if standing.Lacks != "" {
		return Answer{Effect: policy.ImplicitDeny.String(), Because: "because " + standing.Lacks, Instance: &standing, Statements: []StatementSaid{}}, nil
	}
	answer := answerTo(request, policies)
	answer.Instance = &standing
	return answer, nil
}

// findCaller is whoever has the ARN; a role is represented by a session of it.
func findCaller(d *directory.Snapshot, arn string) *caller.Caller {
	if u := d.User(arn); u != nil {
		return &caller.Caller{Account: u.Account, User: u}
	}
	role, name := d.Role(arn), "session"
	if prefix, own, ok := strings.Cut(arn, ":assumed-role/"); ok {
		var roleName string
		roleName, name, _ = strings.Cut(own, "/")
		role = d.RoleByName(prefix[strings.LastIndexByte(prefix, ':')+1:], roleName)
	}
	if role != nil && name != "" {
		return &caller.Caller{Account: role.Account, Role: role, Claims: &session.Claims{SessionName: name}}
	}
	if account, ok := d.UniqueID(arn); ok && strings.HasSuffix(arn, ":root") {
		return &caller.Caller{Account: account, Claims: &session.Claims{Kind: session.AssumedRoot}}
	}
	return nil
}

func answerTo(request policy.Request, policies policy.Policies) Answer {
	d := policy.Evaluate(request, policies)
	a := Answer{Effect: d.Effect.String(), Because: strings.TrimSpace(d.Because(request.Action)), Missing: d.Missing}
	for _, f := range policy.Explain(request, policies) {
		text := f.Statement()
		said := StatementSaid{
			PolicyType: f.Type.String(), Policy: f.Policy.Name, Statement: text.Sid, Effect: text.Effect, Applies: f.Applies,
			Element: f.Element, Missing: f.Missing,
			Decided: slices.ContainsFunc(d.Statements, func(m policy.Match) bool {
				return m.Type == f.Type && m.Policy.Document == f.Policy.Document && m.Index == f.Index
			}),
		}
		if said.Statement == "" {
			said.Statement = fmt.Sprint(f.Index)
		}
		for _, condition := range f.Conditions {
			said.Conditions = append(said.Conditions, condition.Operator+" "+condition.Key+" "+strings.Join(condition.Values, ", "))
		}
		a.Statements = append(a.Statements, said)
	}
	return a
}
