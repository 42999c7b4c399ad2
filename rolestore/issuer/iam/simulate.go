package iam

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/rolecall/rolecall/rolestore/issuer/directory"
	"github.com/rolecall/rolecall/rolestore/issuer/policy"
	"github.com/rolecall/rolecall/rolestore/issuer/query"
)

var (
	policySource   = parameter{name: "PolicySourceArn", required: true, min: 20, max: 2048}
	policyInputs   = parameter{name: "PolicyInputList", kind: textList, min: 1, max: 131072, pattern: policyDocument.pattern, shown: policyDocument.shown}
	boundaryInputs = policyInputs.as("PermissionsBoundaryPolicyInputList")
	actionNames    = parameter{name: "ActionNames", kind: textList, required: true, min: 3, max: 128}
	resourceARNs   = parameter{name: "ResourceArns", kind: textList, min: 1, max: 2048}
	resourcePolicy = policyDocument.as("ResourcePolicy").optional()
	resourceOwner  = parameter{name: "ResourceOwner", min: 1, max: 2048}
	callerARN      = parameter{name: "CallerArn", min: 1, max: 2048}
	contextEntries = parameter{name: "ContextEntries", kind: contextList}

	simulated = []parameter{policyInputs, boundaryInputs, actionNames, resourceARNs, resourcePolicy, resourceOwner, callerARN, contextEntries, marker, maxItems}
)

// simulateOperations are those that tell what policies would come to
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_testing-policies.html).
//
// They decide by what decides about requests, and of a request they know what the caller
// says in ContextEntries and what is true of whoever is simulated at all times: his ARN,
// account, name and tags, and the time. The trust policy of a role of the account is looked
// at where its session is asked for, which other than at AWS need not be passed.
var simulateOperations = table{
	"SimulatePrincipalPolicy":          {takes: append([]parameter{policySource}, simulated...), on: onPolicySource, long: true, do: simulatePrincipal},
	"SimulateCustomPolicy":             {takes: append([]parameter{policyInputs.needed()}, simulated[1:]...), on: onAccount, long: true, do: simulateCustom},
	"GetContextKeysForPrincipalPolicy": {takes: []parameter{policySource, policyInputs}, on: onPolicySource, long: true, do: principalContextKeys},
	"GetContextKeysForCustomPolicy":    {takes: []parameter{policyInputs.needed()}, on: onAccount, long: true, do: customContextKeys},
}

// onPolicySource is the user, group or role that is simulated.
func onPolicySource(c *call) target {
	s := simulation{call: c}
	_ = s.from(c.text(policySource)) // one that there is not has no tags
	return target{c.text(policySource), s.tags}
}

// simulation is what is to be simulated.
type simulation struct {
	*call
	user      *directory.User // who is simulated, if it is a user
	role      *directory.Role // if it is a role
	tags      map[string]string
	principal policy.Principal
	policies  policy.Policies
	context   *policy.Context
	owner     string // of resources that do not say it

	inputs map[*policy.Document]bool          // those that the caller passed
	groups map[*policy.Document]bool          // those of groups
	spans  map[*policy.Document][]policy.Span // where their statements are, once it was asked
}

func (c *call) newSimulation() *simulation {
	return &simulation{call: c, principal: policy.Principal{Account: c.Caller.Account},
		inputs: map[*policy.Document]bool{}, groups: map[*policy.Document]bool{}, spans: map[*policy.Document][]policy.Span{}}
}

// from takes the policies of a user, group or role of the caller's account. A session of a
// role is any of them.
func (s *simulation) from(arn string) error {
	u, r, g := s.Directory.User(arn), s.Directory.Role(arn), s.Directory.GroupByName(s.Caller.Account, nameOf(arn))
	switch {
	case u != nil && u.Account == s.Caller.Account:
		s.user, s.tags = u, u.Tags
		s.principal = policy.Principal{Account: u.Account, ARN: u.ARN(), UniqueID: u.UniqueID}
		s.policies.Identity, s.policies.Boundary = slices.Clone(u.Policies), u.Boundary
		for _, name := range u.Definition.Groups {
			s.ofGroup(s.Directory.GroupByName(u.Account, name))
		}
	case r != nil && r.Account == s.Caller.Account:
		s.role, s.tags = r, r.Tags
		s.principal = policy.Principal{Account: r.Account, ARN: r.ARN(), UniqueID: r.UniqueID, Session: r.SessionARN("simulated")}
		s.policies.Identity, s.policies.Boundary = slices.Clone(r.Policies), r.Boundary
	case g != nil && g.ARN() == arn:
		s.policies.Identity = slices.Clone(g.Policies())
		s.ofGroup(g)
	default:
		return noSuchEntity("The entity with ARN %s cannot be found.", arn)
	}
	return nil
}

// ofGroup notes which policies are a group's.
func (s *simulation) ofGroup(g *directory.Group) {
	if g == nil || s.groups == nil {
		return
	}
	for _, p := range g.Policies() {
		s.groups[p.Document] = true
	}
}

// input reads policies that the caller passed.
func (s *simulation) input(p parameter) (policy.Set, error) {
	set := policy.Set{}
	for i, text := range s.list(p) {
		name := p.name + "." + strconv.Itoa(i+1)
		document, err := policy.Parse(policy.Identity, []byte(text))
		if err != nil {
			return nil, invalidInput(name + ": " + theRole.refusal("", err).Error())
		}
		s.inputs[document] = true
		set = append(set, policy.Policy{Name: name, Document: document})
	}
	return set, nil
}

func simulatePrincipal(c *call) ([]query.Element, error) {
	s := c.newSimulation()
	if err := s.from(c.text(policySource)); err != nil {
		return nil, err
	}
	return s.run()
}

func simulateCustom(c *call) ([]query.Element, error) { return c.newSimulation().run() }

// run reads the rest and simulates.
func (s *simulation) run() ([]query.Element, error) {
	passed, err := s.input(policyInputs)
	if err != nil {
		return nil, err
	}
	s.policies.Identity = append(s.policies.Identity, passed...)
	limits, err := s.input(boundaryInputs)
	switch {
	case err != nil:
		return nil, err
	case len(limits) > 1:
		return nil, invalidInput("Only one permissions boundary can be simulated.")
	case len(limits) == 1:
		s.policies.Boundary = &limits
	}
	if err := s.resourceSide(); err != nil {
		return nil, err
	}
	s.describe()
	return s.page()
}

var (
	userARN    = regexp.MustCompile(`^arn:` + directory.Partition + `:iam::([0-9]{12}):user/[!-~]+$`)
	accountARN = regexp.MustCompile(`^(?:arn:` + directory.Partition + `:iam::)?([0-9]{12})(?::root)?$`)
	actionName = regexp.MustCompile(`^[A-Za-z0-9-]+:[A-Za-z0-9]+$`)
	anyARN     = regexp.MustCompile(`^(\*|arn:[^:]+:[^:]+:[^:]*:[^:]*:.+)$`)
)

// resourceSide reads what is said of the resources, and of who asks for them.
func (s *simulation) resourceSide() error {
	for _, name := range s.list(actionNames) {
		if !actionName.MatchString(name) {
			return invalidInput("Invalid action name: " + name + ". It must be a service and an operation, as in s3:GetObject, without wildcards.")
		}
	}
	for _, arn := range s.list(resourceARNs) {
		if !anyARN.MatchString(arn) {
			return invalidInput("Invalid resource ARN: " + arn)
		}
	}
	if s.has(callerARN) {
		m := userARN.FindStringSubmatch(s.text(callerARN))
		if m == nil {
			return invalidInput("Invalid CallerArn: " + s.text(callerARN) + ". It must be the ARN of an IAM user.")
		}
		s.principal = policy.Principal{Account: m[1], ARN: m[0]}
		if u := s.Directory.User(m[0]); u != nil && u.Account == s.Caller.Account {
			s.principal.UniqueID = u.UniqueID
		}
	}
	s.owner = s.principal.Account
	if s.has(resourceOwner) {
		m := accountARN.FindStringSubmatch(s.text(resourceOwner))
		if m == nil {
			return invalidInput("Invalid ResourceOwner: " + s.text(resourceOwner) + ". It must be the ARN of an account.")
		}
		s.owner = m[1]
	}
	if !s.has(resourcePolicy) {
		return nil
	}
	if s.user == nil && !s.has(callerARN) {
		return invalidInput("CallerArn is required with a ResourcePolicy, unless PolicySourceArn is that of an IAM user.")
	}
	text := []byte(s.text(resourcePolicy))
	document, err := policy.Parse(policy.Resource, text)
	if err != nil {
		trust, notTrust := policy.Parse(policy.Trust, text)
		if notTrust != nil {
			return invalidInput("ResourcePolicy: " + theRole.refusal("", err).Error())
		}
		document = trust
	}
	s.policies.Resource = &policy.Policy{Name: resourcePolicy.name, Document: document}
	return nil
}

// request is one of those that are simulated, with the policies that have a say.
func (s *simulation) request(action, resource string) (policy.Request, policy.Policies) {
	r, p := policy.Request{Principal: s.principal, Action: action, Resource: resource, Context: s.context}, s.policies
	if fields := strings.SplitN(resource, ":", 6); len(fields) < 6 || fields[4] == "" {
		r.Owner = s.owner
	}
	if p.Resource != nil || !strings.HasPrefix(strings.ToLower(action), "sts:") {
		return r, p
	}
	if role := s.Directory.Role(resource); role != nil && role.Account == s.Caller.Account {
		p.Resource = &policy.Policy{Name: trustDocument.name, Document: role.Trust}
	}
	return r, p
}

func principalContextKeys(c *call) ([]query.Element, error) {
	s := c.newSimulation()
	if err := s.from(c.text(policySource)); err != nil {
		return nil, err
	}
	if s.policies.Boundary != nil {
		s.policies.Identity = append(s.policies.Identity, *s.policies.Boundary...)
	}
	return s.contextKeys()
}

func customContextKeys(c *call) ([]query.Element, error) { return c.newSimulation().contextKeys() }

// contextKeys answers the keys that policies ask for.
func (s *simulation) contextKeys() ([]query.Element, error) {
	passed, err := s.input(policyInputs)
	if err != nil {
		return nil, err
	}
	return []query.Element{textsOf("ContextKeyNames", append(s.policies.Identity, passed...).Keys())}, nil
}
