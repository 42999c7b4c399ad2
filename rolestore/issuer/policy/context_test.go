package policy

import (
	"fmt"
	"net/netip"
	"testing"
	"time"
)

func TestAContextKeepsItsKeysAsTheyWereSetAndFindsThemInAnyCase(t *testing.T) {
	c := NewContext()
	c.Set("aws:PrincipalTag/Team", "red")
	c.SetBool("aws:SecureTransport", true)
	c.SetInt("aws:EpochTime", 1763899200)
	c.SetTime("aws:CurrentTime", time.Date(2025, 11, 23, 13, 0, 0, 0, time.FixedZone("", 3600)))
	c.SetAddr("aws:SourceIp", netip.MustParseAddr("::ffff:192.0.2.1"))
	c.SetAddr("aws:VpcSourceIp", netip.Addr{})
	c.SetAll("aws:TagKeys", []string{"b", "a"})
	c.SetAll("sts:TransitiveTagKeys", nil)
	clone := c.Clone()
	clone.Set("AWS:principaltag/TEAM", "blue")

	got := ""
	for key, values := range c.All() {
		got += fmt.Sprintln(key, values)
	}
	const want = "aws:CurrentTime [2025-11-23T12:00:00Z]\naws:EpochTime [1763899200]\naws:PrincipalTag/Team [red]\n" +
		"aws:SecureTransport [true]\naws:SourceIp [192.0.2.1]\naws:TagKeys [b a]\n"
	if got != want {
		t.Errorf("got\n%s", got)
	}
	for range c.All() {
		break
	}
	if v, _ := clone.single(Fold("aws:PrincipalTag/Team")); v != "blue" || !c.Has("AWS:TAGKEYS") || c.Has("sts:TransitiveTagKeys") || c.Has("aws:VpcSourceIp") {
		t.Errorf("the clone says %q", v)
	}
}

func TestANilContextIsEmpty(t *testing.T) {
	var c *Context
	for key := range c.All() {
		t.Errorf("it has %s", key)
	}
	clone := c.Clone()
	clone.Set("aws:a", "1")
	if c.Has("aws:a") || !clone.Has("aws:a") {
		t.Error("its clone is not its own")
	}
	d := mustParse(t, Identity, `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":["*","arn:aws:s3:::${aws:a}"],"Condition":{"Null":{"aws:a":true}}}}`)
	if got := Evaluate(Request{Principal: asBob, Action: "a:b", Resource: "*"}, Policies{Identity: one(d)}); !got.Allowed() {
		t.Errorf("got %+v", got)
	}
}
