package iam

import (
	"errors"
	"net/url"
	"testing"

	"github.com/rolecall/rolecall/rolestore/issuer/caller"
	"github.com/rolecall/rolecall/rolestore/issuer/query"
	"github.com/rolecall/rolecall/rolestore/issuer/session"
)

// FuzzForms carries out what forms there may be for a caller who may do everything: it
// is done, or refused as AWS would, and never our own fault. Afterwards what is named is
// there.
func FuzzForms(f *testing.F) {
	for _, seed := range []string{
		"Action=CreateRole&RoleName=web&AssumeRolePolicyDocument=" + url.QueryEscape(trustEC2) + "&Tags.member.1.Key=a&Tags.member.1.Value=b",
		"Action=CreatePolicy&PolicyName=web&Path=/a/&PolicyDocument=" + url.QueryEscape(allowAll) + "&Description=x",
		"Action=CreatePolicyVersion&PolicyArn=" + policyOf("a/web") + "&SetAsDefault=true&PolicyDocument=" + url.QueryEscape(allowAll),
		"Action=DeletePolicyVersion&PolicyArn=" + policyOf("a/web") + "&VersionId=v1",
		"Action=SetDefaultPolicyVersion&PolicyArn=" + policyOf("a/web") + "&VersionId=v99999999999999999999",
		"Action=ListEntitiesForPolicy&PolicyArn=" + readOnly + "&EntityFilter=Role&MaxItems=1&Marker=x",
		"Action=ListPolicies&Scope=All&OnlyAttached=false&PathPrefix=/&MaxItems=1000",
		"Action=CreateInstanceProfile&InstanceProfileName=web&Path=/a/",
		"Action=AddRoleToInstanceProfile&InstanceProfileName=web&RoleName=admin",
		"Action=TagInstanceProfile&InstanceProfileName=web&Tags.member.2.Key=%00",
		"Action=ListInstanceProfilesForRole&RoleName=admin", "Action=DeleteInstanceProfile&InstanceProfileName=%ff", "Action=GetPolicy&PolicyArn=arn:aws:iam::aws:policy/",
		"Action=AttachRolePolicy&RoleName=web&PolicyArn=" + readOnly, "Action=PutRolePolicy&RoleName=web&PolicyName=a&PolicyDocument={}",
	} {
		f.Add(seed)
	}
	w := newWorld(f, standard())
	iam := &Server{directory: w.directory}
	f.Fuzz(func(t *testing.T, text string) {
		form, err := url.ParseQuery(text)
		if err != nil {
			return
		}
		o, ok := operations[form.Get("Action")]
		if !ok {
			return
		}
		s := w.directory.Snapshot()
		asked := &caller.Call{Request: &query.Request{Action: form.Get("Action"), Version: version, Form: form}, Directory: s, Now: w.clock(),
			Caller: &caller.Caller{Account: account, Role: s.RoleByName(account, "admin"), Claims: &session.Claims{SessionName: "test"}}}
		_, err = iam.perform(asked, o)
		var refusal *query.Error
		if err != nil && (!errors.As(err, &refusal) || refusal.Status >= 500) {
			t.Fatalf("our own fault: %v", err)
		}
		s = w.directory.Snapshot()
		for _, p := range s.InstanceProfiles(account) {
			if p.Role != "" && s.RoleByName(account, p.Role) == nil {
				t.Errorf("%s holds the role %q, which there is not", p.ARN(), p.Role)
			}
		}
		for _, p := range s.Policies(account) {
			if p.Document == nil || len(p.Versions) == 0 || len(p.Versions) > 5 {
				t.Errorf("%s is %+v", p.ARN(), p)
			}
		}
		for _, r := range s.Roles(account) {
			for _, arn := range append([]string{r.Definition.PermissionsBoundary}, r.Definition.ManagedPolicies...) {
				if arn != "" && s.ManagedPolicy(arn) == nil {
					t.Errorf("%s has %s, which there is not", r.ARN(), arn)
				}
			}
		}
	})
}
