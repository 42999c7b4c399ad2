package hosts

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/rolestore/hosttoken"
	"github.com/rolecall/rolecall/rolestore/issuer/policy"
	"github.com/rolecall/rolecall/rolestore/issuer/session"
)

// buildPods is a house whose host may say which pod an instance is.
func buildPods(t *testing.T) house {
	t.Helper()
	h := build(t)
	h.grant.TagKeys = []string{"kubernetes-pod-name", "kubernetes-namespace"}
	h.put(t, h.grant)
	return h
}

// tagging are the claims of a token that sets tags.
func (h house) tagging(tags map[string]string) hosttoken.Claims {
	c := h.claims()
	c.Tags = tags
	return c
}

// TestAHostSetsTheTagsThatItIsGranted shows that they are the session's, beside the
// grant's own, and that the trust policy sees them.
func TestAHostSetsTheTagsThatItIsGranted(t *testing.T) {
	h := buildPods(t)
	c := h.tagging(map[string]string{"kubernetes-namespace": "shop", "kubernetes-pod-name": "web-0"})
	r, err := h.Redeem(sign(t, h.key, c, now), Request{RoleARN: c.RoleARN, SessionName: c.SessionName, Duration: c.Duration}, now)
	want := []session.Tag{{Key: "team", Value: "blue"}, {Key: "kubernetes-namespace", Value: "shop", Transitive: true}, {Key: "kubernetes-pod-name", Value: "web-0", Transitive: true}}
	if err != nil || !slices.Equal(r.Tags, want) {
		t.Errorf("the session's tags are %v (%v)", r.Tags, err)
	}
	for _, test := range []struct {
		tags    map[string]string
		allowed bool
	}{
		{c.Tags, true},
		{map[string]string{"kubernetes-namespace": "lab", "kubernetes-pod-name": "web-0"}, false},
		{map[string]string{"kubernetes-namespace": "shop"}, false},
		{nil, false},
	} {
		c := h.tagging(test.tags)
		c.RoleARN = strings.Replace(web, "web", "of-the-shop", 1)
		if err := h.ask(sign(t, h.key, c, now), c, now); (err == nil) != test.allowed {
			t.Errorf("a role for pods of the shop, with %v: %v", test.tags, err)
		}
	}
}

// TestAHostSetsNoOtherTags has one that names what it was not given, or what it was given
// in another spelling.
func TestAHostSetsNoOtherTags(t *testing.T) {
	for name, tags := range map[string]map[string]string{
		"a key that is not granted":        {"kubernetes-namespace": "shop", "admin": "yes"},
		"the grant's own, with its value":  {"team": "blue"},
		"the grant's own, with another":    {"team": "red"},
		"the grant's own, in another case": {"Team": "red"},
		"a granted key in another case":    {"Kubernetes-Namespace": "shop"},
	} {
		h := buildPods(t)
		c := h.tagging(tags)
		err := h.ask(sign(t, h.key, c, now), c, now)
		h.refusedAs(t, name, err, ErrDenied, "tag_not_granted", 0)
		if unlisted := new(TagError); !errors.As(err, &unlisted) || unlisted.Grant != "g" || len(unlisted.Keys) != 1 {
			t.Errorf("%s: %v", name, err)
		}
		if _, ok := h.directory.Lease(guest); ok {
			t.Errorf("%s: and the instance is leased to the host", name)
		}
	}
	h := build(t) // whose grant lists none
	c := h.tagging(map[string]string{"kubernetes-namespace": "shop"})
	h.refusedAs(t, "without tag keys", h.ask(sign(t, h.key, c, now), c, now), ErrDenied, "tag_not_granted", 0)
}

func TestTagsBeyondTheBoundsAreInvalid(t *testing.T) {
	h := buildPods(t)
	many := map[string]string{}
	for n := range 51 {
		many[fmt.Sprint("k", n)] = ""
	}
	for n, tags := range []map[string]string{
		{"kubernetes-namespace": "shop", "Kubernetes-Namespace": "lab"},
		{"kubernetes-namespace": strings.Repeat("x", 257)},
		{"kubernetes-namespace": "shop*"},
		{"kubernetes-namespace": "a\nb"},
		{strings.Repeat("k", 129): "shop"},
		{"": "shop"},
		{"aws:PrincipalTag/team": "red"},
		many,
	} {
		c := h.tagging(tags)
		h.refusedAs(t, fmt.Sprint(tags), h.ask(sign(t, h.key, c, now), c, now), hosttoken.ErrInvalid, "invalid", uint64(n))
	}
}

// TestOtherTagKeysAreOtherSessions shows that a host is told when those of before carry
// what it would not be given now.
func TestOtherTagKeysAreOtherSessions(t *testing.T) {
	h := buildPods(t)
	c := h.tagging(map[string]string{"kubernetes-namespace": "shop"})
	before := now.Add(-1)
	if _, err := h.directory.Claim(guest, hostID, h.directory.Snapshot().Role(web).UniqueID, before); err != nil {
		t.Fatal(err)
	}
	h.grant.TagKeys = nil
	h.put(t, h.grant)
	if state := h.State(hostID, guest); !state.Valid || !state.Since.Equal(now) {
		t.Errorf("the host is told %+v", state)
	}
	h.refusedAs(t, "afterwards", h.ask(sign(t, h.key, c, now), c, now), ErrDenied, "tag_not_granted", 0)
}

// TestWhySaysWhichTagsAHostMaySet asks with tags and without.
func TestWhySaysWhichTagsAHostMaySet(t *testing.T) {
	h := buildPods(t)
	shop := strings.Replace(web, "web", "of-the-shop", 1)
	why := func(tags map[string]string) (Standing, bool) {
		standing, request, policies := h.Why(guest, shop, tags, nil, now)
		decision := policy.Evaluate(request, policies)
		return standing, decision.Allowed()
	}
	if s, allowed := why(nil); allowed || s.Lacks != "" || !slices.Equal(s.TagKeys, h.grant.TagKeys) {
		t.Errorf("without tags: %+v, %t", s, allowed)
	}
	if s, allowed := why(map[string]string{"kubernetes-namespace": "shop", "kubernetes-pod-name": "x"}); !allowed {
		t.Errorf("with those of the shop: %+v", s)
	}
	if s, _ := why(map[string]string{"admin": "yes"}); s.Lacks != "grant g does not list the tag keys admin" {
		t.Errorf("with one that is not granted: %+v", s)
	}
}
