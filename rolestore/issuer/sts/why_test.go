package sts

import (
	"strings"
	"testing"
)

// TestWhyAgreesWithWhatIsDone asks of each what the API then does.
func TestWhyAgreesWithWhatIsDone(t *testing.T) {
	w := newWorld(t, withPeople(role("closed", trustEC2), role("open", trust("Allow", callerAccount, "")),
		role("barred", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"},{"Sid":"NotMe","Effect":"Deny","Principal":"*","Action":"sts:*","Condition":{"StringEquals":{"aws:PrincipalTag/team":"red"}}}]}`)))
	web := w.session(t, account, "web")
	for _, target := range []string{"closed", "open", "barred", "target"} {
		for principal, c := range map[string]func() int{
			aliceARN: func() int { return w.assume(t, alice, target).Code },
			"arn:aws:iam::" + account + ":user/carol":                   func() int { return w.assume(t, carol, target).Code },
			"arn:aws:sts::" + account + ":assumed-role/web/" + callerID: func() int { return w.assume(t, web, target).Code },
			roleARN(account, "web"):                                     func() int { return w.assume(t, web, target).Code },
		} {
			answer, err := w.Why(Question{Principal: principal, Action: "sts:AssumeRole", Resource: roleARN(account, target)})
			if err != nil {
				t.Fatal(err)
			}
			if (answer.Effect == "Allow") != (c() == 200) {
				t.Errorf("%s on %s: %+v", principal, target, answer)
			}
		}
	}
	answer, err := w.Why(Question{Principal: aliceARN, Action: "sts:AssumeRole", Resource: roleARN(account, "barred")})
	if err != nil || answer.Effect != "ExplicitDeny" || answer.Because != "with an explicit deny in a resource-based policy" {
		t.Errorf("%+v, %v", answer, err)
	}
	decided := ""
	for _, s := range answer.Statements {
		if s.Decided {
			decided += s.Statement
		}
	}
	if decided != "NotMe" {
		t.Errorf("what decided is %q", decided)
	}
	for principal, effect := range map[string]string{"ec2.amazonaws.com": "Allow", "lambda.amazonaws.com": "ImplicitDeny"} {
		if answer, err := w.Why(Question{Principal: principal, Action: "sts:AssumeRole", Resource: roleARN(account, "closed")}); err != nil || answer.Effect != effect {
			t.Errorf("%s: %+v, %v", principal, answer, err)
		}
	}
	if answer, err := w.Why(Question{Principal: "arn:aws:iam::" + account + ":root", Action: "s3:GetObject", Resource: "arn:aws:s3:::x/y"}); err != nil || answer.Effect == "ExplicitDeny" {
		t.Errorf("root: %+v, %v", answer, err)
	}
	if _, err := w.Why(Question{Principal: aliceARN + "x", Action: "sts:AssumeRole", Resource: "*"}); err == nil || !strings.Contains(err.Error(), "there is no such user") {
		t.Errorf("of nobody: %v", err)
	}
}

// TestWhyOfAnInstance asks before its host does.
func TestWhyOfAnInstance(t *testing.T) {
	w := newWorld(t, withPeople(role("open", trustEC2)))
	answer, err := w.Why(Question{Instance: callerID})
	if err != nil || answer.Effect != "Allow" || answer.Instance == nil || answer.Instance.RoleARN != roleARN(account, "web") || !answer.Statements[0].Decided {
		t.Errorf("%+v, %v", answer, err)
	}
	for instance, because := range map[string]string{callerID: "is not granted a profile with role", "i-0000000000000ffff": "no host is granted"} {
		if answer, err := w.Why(Question{Instance: instance, Resource: roleARN(account, "open")}); err != nil || answer.Effect != "ImplicitDeny" || !strings.Contains(answer.Because, because) {
			t.Errorf("of %s: %+v, %v", instance, answer, err)
		}
	}
	if _, err := w.Why(Question{Instance: callerID, Action: "sts:AssumeRole"}); err == nil {
		t.Error("an instance and an action are asked about at once")
	}
}
