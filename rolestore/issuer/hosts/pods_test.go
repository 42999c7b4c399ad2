package hosts

import (
	"testing"

	"github.com/rolecall/rolecall/rolestore/issuer/directory"
)

// TestAHostInventsNoPod has a host whose agent says of pods what it likes: that one has
// an association with a role that the host is not granted, or is an instance that it is
// not granted, or one of another host's.
func TestAHostInventsNoPod(t *testing.T) {
	h := build(t)
	h.grant.TagKeys = []string{"kubernetes-namespace", "kubernetes-pod-name"}
	h.put(t, h.grant)
	tags := map[string]string{"kubernetes-namespace": "shop", "kubernetes-pod-name": "web-0"}
	pod := h.claims()
	pod.Tags = tags
	for n, change := range []func(role, instance *string){
		func(role, _ *string) { *role = "arn:aws:iam::" + account + ":role/in-no-granted-profile" },
		func(role, _ *string) { *role = "arn:aws:iam::" + other + ":role/in-no-granted-profile" },
		func(_, instance *string) { *instance = "i-00000000000000bad" },
	} {
		c := pod
		change(&c.RoleARN, &c.InstanceID)
		c.SessionName = c.InstanceID
		h.refusedAs(t, c.RoleARN+" "+c.InstanceID, h.ask(sign(t, h.key, c, now), c, now), ErrDenied, "denied", uint64(n))
	}
	if err := h.ask(sign(t, h.key, pod, now), pod, now); err != nil {
		t.Fatalf("a pod that it is granted: %v", err)
	}
	key := h.addRival(t, account, "p/web")
	h.put(t, directory.Grant{Name: "rival", Account: account, Host: rival, InstanceIDs: []string{"i-*"},
		InstanceProfiles: []string{"arn:aws:iam::" + account + ":instance-profile/p/web"}, TagKeys: h.grant.TagKeys})
	stolen := pod
	stolen.Host = rival
	h.refusedAs(t, "another host's pod", h.ask(sign(t, key, stolen, now), stolen, now), ErrDenied, "leased_to_another", 0)
}
