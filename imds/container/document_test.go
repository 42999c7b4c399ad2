package container_test

import (
	"regexp"
	"testing"
	"time"

	"github.com/rolecall/rolecall/imds/container"
	"github.com/rolecall/rolecall/rolestore"
)

var (
	profile = rolestore.InstanceProfile{
		ARN:  "arn:aws:iam::123456789012:instance-profile/web",
		Role: rolestore.Role{ARN: "arn:aws:iam::123456789012:role/web"},
	}
	issued = rolestore.Credentials{
		AccessKeyID:     "ASIAEXAMPLE",
		SecretAccessKey: rolestore.NewSecret("a/b+c&d"),
		SessionToken:    rolestore.NewSecret("token=="),
		LastUpdated:     now,
		Expiration:      now.Add(time.Hour),
	}
)

func TestDocumentsAreThoseOfTheirService(t *testing.T) {
	for want, got := range map[string][]byte{
		`{"RoleArn":"arn:aws:iam::123456789012:role/web","AccessKeyId":"ASIAEXAMPLE","SecretAccessKey":"a/b+c&d","Token":"token==","Expiration":"2026-03-04T06:06:07Z"}`: container.TaskDocument(profile, issued),
		`{"AccessKeyId":"ASIAEXAMPLE","SecretAccessKey":"a/b+c&d","Token":"token==","AccountId":"123456789012","Expiration":"2026-03-04T06:06:07Z"}`:                     container.PodDocument(profile, issued),
		`{"code":"InvalidIdInRequest","message":"no","HTTPErrorCode":400}`:                                                                                               container.TaskError(400, "InvalidIdInRequest", "no"),
	} {
		if string(got) != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestAnIDIsOfOneLifeAndOneRole(t *testing.T) {
	i := rolestore.Instance{ID: "i-1", Incarnation: rolestore.NewIncarnation(), Profile: profile}
	id := container.ID(i)
	if !regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(id) {
		t.Errorf("%s is no UUID of version 8", id)
	}
	same, later, other := i, i, i
	same.Placement.Region = "eu-west-1"
	later.Incarnation = rolestore.NewIncarnation()
	other.Profile.Role.ARN += "2"
	if !container.IsID(id, same) {
		t.Error("another id after an update")
	}
	for name, i := range map[string]rolestore.Instance{"a later life": later, "another role": other} {
		if container.IsID(id, i) {
			t.Errorf("the id is that of %s", name)
		}
	}
	for _, text := range []string{"", id[:35], id + "/", id + "x"} {
		if container.IsID(text, i) {
			t.Errorf("%q is taken for the id", text)
		}
	}
}
