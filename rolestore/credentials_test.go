package rolestore

import (
	"errors"
	"testing"
	"time"
)

var issued = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func sixHours() Credentials {
	return Credentials{
		AccessKeyID:     "ASIAIOSFODNN7EXAMPLE",
		SecretAccessKey: NewSecret("secret"),
		SessionToken:    NewSecret("token"),
		LastUpdated:     issued,
		Expiration:      issued.Add(6 * time.Hour),
	}
}

func TestCredentialsThatNoSDKCouldUse(t *testing.T) {
	if err := sixHours().Validate(); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Credentials){
		"no access key":                  func(c *Credentials) { c.AccessKeyID = "" },
		"no secret":                      func(c *Credentials) { c.SecretAccessKey = Secret{} },
		"an empty secret":                func(c *Credentials) { c.SecretAccessKey = NewSecret("") },
		"no session token":               func(c *Credentials) { c.SessionToken = Secret{} },
		"an empty session token":         func(c *Credentials) { c.SessionToken = NewSecret("") },
		"no expiry":                      func(c *Credentials) { c.Expiration = time.Time{} },
		"an expiry at the time of issue": func(c *Credentials) { c.Expiration = c.LastUpdated },
		"an expiry before the issue":     func(c *Credentials) { c.Expiration = c.LastUpdated.Add(-time.Second) },
		"none without a session token":   func(c *Credentials) { c.Tokenless = &Credentials{} },
		"nothing at all":                 func(c *Credentials) { *c = Credentials{} },
	} {
		c := sixHours()
		change(&c)
		if err := c.Validate(); !errors.Is(err, ErrIncompleteCredentials) {
			t.Errorf("%s: %v, want ErrIncompleteCredentials", name, err)
		}
	}
}

func TestLifetimeAndWhatIsLeftOfIt(t *testing.T) {
	c := sixHours()
	if got := c.Lifetime(); got != 6*time.Hour {
		t.Errorf("Lifetime = %s", got)
	}
	for after, want := range map[time.Duration]time.Duration{
		-time.Minute:  6*time.Hour + time.Minute, // the issuer's clock is ahead
		0:             6 * time.Hour,
		time.Hour:     5 * time.Hour,
		6 * time.Hour: 0,
		7 * time.Hour: -time.Hour,
	} {
		if got := c.Left(issued.Add(after)); got != want {
			t.Errorf("Left after %s = %s, want %s", after, got, want)
		}
	}
	if (Credentials{}).Left(issued) > 0 {
		t.Error("no credentials have time left")
	}
}
