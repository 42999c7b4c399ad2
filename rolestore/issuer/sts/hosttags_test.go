package sts

import (
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// pod are the session tags of a pod as EKS's agents set them.
func pod(namespace string) map[string]string {
	return map[string]string{
		"eks-cluster-arn": "arn:aws:eks:us-east-1:" + account + ":cluster/prod", "eks-cluster-name": "prod", "kubernetes-namespace": namespace,
		"kubernetes-service-account": "web", "kubernetes-pod-name": "web-0", "kubernetes-pod-uid": "0f8fad5b-d9cb-469f-a165-70867728950e",
	}
}

// letTag lets the host set the tags of those keys beside the grant's own.
func (w *world) letTag(t *testing.T, own map[string]string, keys ...string) {
	t.Helper()
	grant := *w.directory.Snapshot().Grant(account, "web")
	grant.Tags, grant.TagKeys = own, keys
	if err := w.directory.PutGrant(grant, w.directory.Snapshot().Administrator(account, "test"), w.clock()); err != nil {
		t.Fatal(err)
	}
}

// TestAPolicyKnowsAPodByItsTags goes down a chain of roles: the tags stay.
func TestAPolicyKnowsAPodByItsTags(t *testing.T) {
	const both = `"Effect":"Allow","Principal":"*","Action":["sts:AssumeRole","sts:TagSession"],"Condition":{"StringEquals":{"aws:PrincipalTag/kubernetes-namespace":"shop"}}`
	definitions := standard()
	for _, name := range []string{"of-the-shop", "of-the-shop-too"} {
		definitions.Accounts[0].Roles = append(definitions.Accounts[0].Roles, role(name, `{"Version":"2012-10-17","Statement":{`+both+`}}`, allowAll))
	}
	w := newWorld(t, definitions)
	w.letTag(t, nil, slices.Collect(maps.Keys(pod("")))...)
	for _, namespace := range []string{"shop", "lab"} {
		claims := w.claims()
		claims.Tags = pod(namespace)
		reply := w.send(post(redemption(w.hostToken(t, claims))))
		answered(t, reply)
		c := credentialsIn(t, reply.Body.Bytes())
		reply = w.send(w.signed(t, c, form("AssumeRole", "RoleArn", roleARN(account, "of-the-shop"), "RoleSessionName", "alice")))
		if namespace != "shop" {
			refused(t, reply, http.StatusForbidden, "AccessDenied")
			continue
		}
		answered(t, reply)
		body := strings.ReplaceAll(reply.Body.String(), "AssumeRoleResult", "AssumeRoleWithWebIdentityResult")
		further := form("AssumeRole", "RoleArn", roleARN(account, "of-the-shop-too"), "RoleSessionName", "alice")
		answered(t, w.send(w.signed(t, credentialsIn(t, []byte(body)), further)))
		// Nobody changes them on the way.
		further.Set("Tags.member.1.Key", "Kubernetes-Namespace")
		further.Set("Tags.member.1.Value", "lab")
		refused(t, w.send(w.signed(t, credentialsIn(t, []byte(body)), further)), http.StatusBadRequest, "InvalidParameterValue")
	}
}

// TestAHostIsToldOfTagsThatItMayNotSet has the remedy in the reply, and the log.
func TestAHostIsToldOfTagsThatItMayNotSet(t *testing.T) {
	w := newWorld(t, standard())
	w.letTag(t, nil, "kubernetes-namespace")
	claims := w.claims()
	claims.Tags = map[string]string{"kubernetes-namespace": "shop", "kubernetes-pod-name": "web-0"}
	got := refused(t, w.send(post(redemption(w.hostToken(t, claims)))), http.StatusForbidden, "AccessDenied")
	for _, words := range []string{"grant web does not list the tag keys kubernetes-pod-name,", "`rolecall core grant put web --tag-keys ...`", "session_tags: disabled"} {
		if !strings.Contains(got, words) {
			t.Errorf("the message is %q and lacks %q", got, words)
		}
	}
	if !strings.Contains(w.logged(), "does not list the tag keys kubernetes-pod-name") || w.config.Desk.Counts()["tag_not_granted"] != 1 {
		t.Errorf("the log is %s, and the counts are %v", w.logged(), w.config.Desk.Counts())
	}
	claims.RoleARN = roleARN(account, "target") // which it is not granted: of that it hears nothing
	got = refused(t, w.send(post(redemption(w.hostToken(t, claims), "RoleArn", claims.RoleARN))), http.StatusForbidden, "AccessDenied")
	if got != "Not authorized to perform sts:AssumeRoleWithWebIdentity" {
		t.Errorf("of a role that is not granted: %q", got)
	}
}

// TestTheLongestNamesOfAPodFitIntoAToken has names that Kubernetes and EKS allow and no
// packing makes much shorter, beside tags of the grant's own.
func TestTheLongestNamesOfAPodFitIntoAToken(t *testing.T) {
	w := newWorld(t, standard())
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789-."
	name := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = letters[rand.IntN(len(letters))]
		}
		return string(b)
	}
	claims := w.claims()
	cluster := name(100)
	claims.Tags = map[string]string{
		"eks-cluster-arn": "arn:aws:eks:ap-northeast-2:" + account + ":cluster/" + cluster, "eks-cluster-name": cluster, "kubernetes-namespace": name(253),
		"kubernetes-service-account": name(253), "kubernetes-pod-name": name(253), "kubernetes-pod-uid": name(128),
	}
	w.letTag(t, map[string]string{"team": name(64), "cost": name(64)}, slices.Collect(maps.Keys(claims.Tags))...)
	reply := w.send(post(redemption(w.hostToken(t, claims))))
	answered(t, reply)
	c := credentialsIn(t, reply.Body.Bytes())
	if n := len(c.SessionToken.Reveal()); n >= 2500 {
		t.Errorf("the token has %d characters", n)
	}
	answered(t, w.send(w.signed(t, c, form("GetCallerIdentity"))))
}
