package iam

import (
	"maps"

	"github.com/rolecall/rolecall/rolestore/issuer/caller"
	"github.com/rolecall/rolecall/rolestore/issuer/policy"
	"github.com/rolecall/rolecall/rolestore/issuer/query"
)

// operation is one of the API.
type operation struct {
	takes []parameter
	// on says what it is done to.
	on func(*call) target
	// onto is the ARN of what it makes of it, where that must be allowed too; it may be nil.
	onto func(*call) string
	// keys sets condition keys of its own; it may be nil.
	keys func(*call, *policy.Context)
	// tagging is the action that must be allowed too where tags are passed to something
	// new, or empty.
	tagging string
	// passes is the service that the role named is passed to, or empty: the caller must
	// be allowed iam:PassRole too.
	passes string
	// long is true where lists may have more members than most requests have parameters.
	long bool
	do   func(*call) ([]query.Element, error)
}

// target is what is acted on.
type target struct {
	arn  string
	tags map[string]string
}

// table are operations by their names.
type table map[string]operation

// operations are all there are.
var operations = func() table {
	all := table{}
	for _, t := range []table{
		roleOperations, rolePolicyOperations,
		userOperations, userPolicyOperations, accessKeyOperations,
		groupOperations, groupPolicyOperations,
		profileOperations,
		policyOperations, versionOperations,
		mfaOperations,
		aliasOperations, summaryOperations, detailOperations,
		oidcOperations, samlOperations,
		preferenceOperations,
		simulateOperations,
	} {
		maps.Copy(all, t)
	}
	return all
}()

// authorize refuses what the caller may not do.
func (c *call) authorize(o operation) error {
	on, context := o.on(c), c.Context()
	caller.SetResourceTags(context, on.tags)
	caller.SetTags(context, "aws:RequestTag/", c.tags)
	if keys := c.tagKeysAsked(); keys != nil {
		context.SetAll("aws:TagKeys", keys)
	}
	if o.keys != nil {
		o.keys(c, context)
	}
	actions := []string{"iam:" + c.Action}
	if o.tagging != "" && len(c.tags) > 0 {
		actions = append(actions, o.tagging)
	}
	for _, action := range actions {
		if err := c.Authorize(caller.Matter{Action: action, Resource: on.arn, Owner: c.Caller.Account, Context: context}); err != nil {
			return err
		}
	}
	if o.passes != "" {
		return c.mayPass(o.passes)
	}
	if o.onto == nil {
		return nil
	}
	return c.Authorize(caller.Matter{Action: actions[0], Resource: o.onto(c), Owner: c.Caller.Account, Context: context})
}

// mayPass refuses to pass the role that is named to a service for a caller who may not
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html).
func (c *call) mayPass(service string) error {
	role, context := onRole(c), c.Context()
	context.Set("iam:PassedToService", service)
	caller.SetResourceTags(context, role.tags)
	return c.Authorize(caller.Matter{Action: "iam:PassRole", Resource: role.arn, Owner: c.Caller.Account, Context: context})
}
