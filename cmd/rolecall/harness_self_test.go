package main

import (
	"testing"
	"time"

	"github.com/rolecall/rolecall/imds/token"
	"github.com/rolecall/rolecall/rolestore/issuer/session"
)

func TestTheLogGuardKnowsTokens(t *testing.T) {
	keys, err := token.NewKeys(token.Key{ID: 200, Secret: [token.KeySize]byte{1}})
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		minted := keys.Mint("i-0123456789abcdef0", [16]byte{}, time.Hour, time.Now())
		if !sessionToken.MatchString("token=" + minted + " ") {
			t.Fatal("a metadata token passes the guard")
		}
		issued, err := session.NewSealer([]session.Key{session.NewKey(1)}, "aws", "core").Issue(session.Claims{
			Principal: "AROAJQABLZS4A3QDU576Q", Account: "123456789012", SessionName: "i-0123456789abcdef0", Issued: time.Now(), Expires: time.Now()})
		if err != nil {
			t.Fatal(err)
		}
		if !sessionToken.MatchString(issued.SessionToken.Reveal()) {
			t.Fatal("a session token passes the guard")
		}
	}
}
