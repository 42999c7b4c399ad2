package iam

import (
	"maps"
	"slices"
	"strconv"

	"github.com/rolecall/rolecall/rolestore/issuer/directory"
	"github.com/rolecall/rolecall/rolestore/issuer/policy"
	"github.com/rolecall/rolecall/rolestore/issuer/query"
)

var summaryOperations = table{
	"GetAccountSummary": {on: onAccount, do: getAccountSummary},
}

// summarised are what there is in an account, and the quotas that hold here
// (https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountSummary.html). How
// many users, groups, roles and policies there may be is left out: there is no bound.
func summarised(s *directory.Snapshot, account string) map[string]int {
	inUse := 0
	devices := s.MFADevices(account)
	for _, d := range devices {
		if d.User != "" {
			inUse++
		}
	}
	policies, versions := s.Policies(account), 0
	for _, p := range policies {
		versions += len(p.Versions)
	}
	return map[string]int{
		"Policies": len(policies), "PolicyVersionsInUse": versions,
		"Users": len(s.Users(account)), "Groups": len(s.Groups(account)), "Roles": len(s.Roles(account)),
		"InstanceProfiles": len(s.InstanceProfiles(account)), "Providers": len(s.OIDCProviders(account)) + len(s.SAMLProviders(account)),
		"MFADevices": len(devices), "MFADevicesInUse": inUse,
		"GlobalEndpointTokenVersion": s.GlobalEndpointTokenVersion(account),

		// An account's root has no credentials here.
		"AccountMFAEnabled": 0, "AccountAccessKeysPresent": 0, "AccountPasswordPresent": 0, "AccountSigningCertificatesPresent": 0,
		"ServerCertificates": 0, "SigningCertificatesPerUserQuota": 0,

		"AccessKeysPerUserQuota": directory.MaxAccessKeys, "GroupsPerUserQuota": maxGroups,
		"AttachedPoliciesPerUserQuota": maxAttached, "AttachedPoliciesPerGroupQuota": maxAttached, "AttachedPoliciesPerRoleQuota": maxPoliciesPerRole,
		"UserPolicySizeQuota": policy.MaxUserInlineSize, "GroupPolicySizeQuota": policy.MaxGroupInlineSize, "RolePolicySizeQuota": policy.MaxRoleInlineSize,
		"PolicySizeQuota": policy.MaxManagedSize, "AssumeRolePolicySizeQuota": policy.MaxTrustSize,
	}
}

func getAccountSummary(c *call) ([]query.Element, error) {
	all := summarised(c.Directory, c.Caller.Account)
	entries := query.Element{Name: "SummaryMap", Children: []query.Element{}}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		entries.Children = append(entries.Children, structure("entry", said("key", name), said("value", strconv.Itoa(all[name]))))
	}
	return []query.Element{entries}, nil
}
