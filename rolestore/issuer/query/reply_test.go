package query

import (
	"bytes"
	"testing"
)

func TestAReleasedBodyHoldsNoSecret(t *testing.T) {
	r := Result("urn:x", "Act", "id", []Element{{Name: "SecretAccessKey", Text: "secret"}}, false)
	body := r.Body[:cap(r.Body)]
	if !bytes.Contains(body, []byte("secret")) {
		t.Fatalf("the reply is %s", r.Body)
	}
	r.Release()
	if bytes.Contains(body, []byte("secret")) {
		t.Error("what is released still holds the secret")
	}
}
