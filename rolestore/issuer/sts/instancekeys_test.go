package sts

import (
	"net/http"
	"testing"

	"github.com/rolecall/rolecall/rolestore"
	"github.com/rolecall/rolecall/rolestore/hosttoken"
)

func TestAPolicyKnowsTheSessionOfAnInstance(t *testing.T) {
	only := `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole","Condition":{"StringEquals":
		{"ec2:RoleDelivery":"2.0","ec2:SourceInstanceARN":"arn:aws:ec2:us-east-1:` + account + `:instance/` + callerID + `"}}}}`
	definitions := standard()
	definitions.Accounts[0].Roles = append(definitions.Accounts[0].Roles, role("of-the-instance", only))
	w := newWorld(t, definitions)
	reply := w.send(post(redemption(w.hostToken(t, w.claims()))))
	answered(t, reply)
	f := form("AssumeRole", "RoleArn", roleARN(account, "of-the-instance"), "RoleSessionName", "alice")
	answered(t, w.send(w.signed(t, credentialsIn(t, reply.Body.Bytes()), f)))
	refused(t, w.send(w.signed(t, w.session(t, account, "web"), f)), http.StatusForbidden, "AccessDenied")
}

// TestAPolicyKnowsHowCredentialsAreDelivered refuses those that a metadata service hands
// out to who has no session token, as AWS's documentation has it for IMDSv1.
func TestAPolicyKnowsHowCredentialsAreDelivered(t *testing.T) {
	definitions := standard()
	definitions.Accounts[0].Roles = append(definitions.Accounts[0].Roles, role("not-by-v1", `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"},
		{"Effect":"Deny","Principal":"*","Action":"sts:AssumeRole","Condition":{"NumericLessThan":{"ec2:RoleDelivery":"2.0"}}}]}`))
	w := newWorld(t, definitions)
	f := form("AssumeRole", "RoleArn", roleARN(account, "not-by-v1"), "RoleSessionName", "alice")
	for _, delivery := range []string{hosttoken.DeliveryV1, hosttoken.DeliveryV2} {
		claims := w.claims()
		claims.Delivery = delivery
		bought := w.send(post(redemption(w.hostToken(t, claims))))
		answered(t, bought)
		reply := w.send(w.signed(t, credentialsIn(t, bought.Body.Bytes()), f))
		if delivery == hosttoken.DeliveryV1 {
			refused(t, reply, http.StatusForbidden, "AccessDenied")
		} else {
			answered(t, reply)
		}
	}
}

// TestTheTagsOfAGrantAreTheSessions holds them against a policy of their own.
func TestTheTagsOfAGrantAreTheSessions(t *testing.T) {
	definitions := standard()
	definitions.Accounts[0].Roles = append(definitions.Accounts[0].Roles, role("of-the-team", `{"Version":"2012-10-17","Statement":
		{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole","Condition":{"StringEquals":{"aws:PrincipalTag/Team":"blue"}}}}`))
	w := newWorld(t, definitions)
	f := form("AssumeRole", "RoleArn", roleARN(account, "of-the-team"), "RoleSessionName", "alice")
	for _, team := range []string{"red", "blue"} {
		grant := *w.directory.Snapshot().Grant(account, "web")
		grant.Tags = map[string]string{"team": team}
		if err := w.directory.PutGrant(grant, w.directory.Snapshot().Administrator(account, "test"), w.clock()); err != nil {
			t.Fatal(err)
		}
		reply := w.send(post(redemption(w.hostToken(t, w.claims()))))
		answered(t, reply)
		assumed := w.send(w.signed(t, credentialsIn(t, reply.Body.Bytes()), f))
		if (assumed.Code == http.StatusOK) != (team == "blue") {
			t.Errorf("of team %s: %d %s", team, assumed.Code, assumed.Body)
		}
	}
}

// TestTheRegionOfAnInstanceIsItsGrants has a policy that asks for it in the instance's
// ARN. The session keeps the one that it was made with.
func TestTheRegionOfAnInstanceIsItsGrants(t *testing.T) {
	definitions := standard()
	definitions.Accounts[0].Roles = append(definitions.Accounts[0].Roles, role("in-frankfurt", `{"Version":"2012-10-17","Statement":
		{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole","Condition":{"ArnLike":{"ec2:SourceInstanceARN":"arn:aws:ec2:eu-central-1:`+account+`:instance/*"}}}}`))
	w := newWorld(t, definitions)
	f := form("AssumeRole", "RoleArn", roleARN(account, "in-frankfurt"), "RoleSessionName", "alice")
	var bought []rolestore.Credentials
	for _, region := range []string{"", "eu-central-1", "eu-west-1"} {
		grant := *w.directory.Snapshot().Grant(account, "web")
		grant.Region = region
		if err := w.directory.PutGrant(grant, w.directory.Snapshot().Administrator(account, "test"), w.clock()); err != nil {
			t.Fatal(err)
		}
		reply := w.send(post(redemption(w.hostToken(t, w.claims()))))
		answered(t, reply)
		bought = append(bought, credentialsIn(t, reply.Body.Bytes()))
	}
	for i, allowed := range []bool{false, true, false} {
		if reply := w.send(w.signed(t, bought[i], f)); (reply.Code == http.StatusOK) != allowed {
			t.Errorf("session %d: %d %s", i, reply.Code, reply.Body)
		}
	}
}
