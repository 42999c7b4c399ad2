package policy

import "testing"

const (
	account = "123456789012"
	role    = "arn:aws:iam::123456789012:role/web"
	session = "arn:aws:sts::123456789012:assumed-role/web/s1"
	bob     = "arn:aws:iam::123456789012:user/Bob"
	target  = "arn:aws:iam::123456789012:role/target"
)

var (
	asBob     = Principal{Account: account, ARN: bob, UniqueID: "AIDAJQABLZS4A3QDU576Q"}
	asRole    = Principal{Account: account, ARN: role, Session: session, UniqueID: "AROAJQABLZS4A3QDU576Q"}
	asSusan   = Principal{Account: account, ARN: bob, Session: "arn:aws:sts::123456789012:federated-user/Susan", UniqueID: "AIDAJQABLZS4A3QDU576Q"}
	asRoot    = Principal{Account: account, ARN: "arn:aws:iam::123456789012:root", UniqueID: account}
	asEve     = Principal{Account: "999999999999", ARN: "arn:aws:iam::999999999999:user/Eve", UniqueID: "AIDAEVEEVEEVEEVEEVE01"}
	asService = Principal{Service: "ec2.amazonaws.com"}
	asGoogle  = Principal{Federated: "accounts.google.com"}
)

func contextOf(pairs ...string) *Context {
	c := NewContext()
	for i := 0; i < len(pairs); i += 2 {
		c.Set(pairs[i], pairs[i+1])
	}
	return c
}

func mustParse(t testing.TB, kind Kind, text string) *Document {
	t.Helper()
	d, err := Parse(kind, []byte(text))
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return d
}

// one is a set of one policy.
func one(d *Document) Set { return Set{{Document: d}} }
