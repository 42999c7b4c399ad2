package sts

import (
	"slices"
	"time"

	"golang.org/x/time/rate"

	"github.com/rolecall/rolecall/rolestore/issuer/front"
	"github.com/rolecall/rolecall/rolestore/issuer/query"
)

// A code of six digits can be guessed. Whoever may try holds a secret key already; he
// gets a few tries, for mistyped ones, and then one a minute.
const (
	guessEvery = time.Minute
	guessBurst = 5
)

func newGuesses() *front.Limiter[string] {
	return front.NewLimiter[string](rate.Every(guessEvery), guessBurst)
}

// mfa is what a caller says of his MFA device.
type mfa struct{ serial, code string }

// mfa reads SerialNumber and TokenCode.
func (p reader) mfa() mfa {
	return mfa{p.Optional("SerialNumber", serialNumberPattern), p.Optional("TokenCode", tokenCodePattern)}
}

// prove returns when the caller proved to have his device: now, or never. Each code
// is good once. The two spaces and those at the ends are AWS's.
func (c *call) prove(m mfa) (time.Time, error) {
	switch {
	case m.serial == "" && m.code == "":
		return time.Time{}, nil
	case m.serial == "" || m.code == "":
		return time.Time{}, query.Forbidden("AccessDenied", "MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code. ")
	}
	user, device := c.Caller.User, c.Directory.MFADevice(m.serial)
	if c.Caller.Claims != nil || device == nil || !slices.Contains(user.MFADevices, m.serial) {
		return time.Time{}, query.Forbidden("AccessDenied", "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is valid and associated with this user. ")
	}
	if !c.guesses.Allow(user.UniqueID, c.Now) {
		return time.Time{}, query.Throttled("too many MFA codes were tried")
	}
	step, ok := device.Step(m.code, c.Now)
	if ok {
		var err error
		if ok, err = c.codes.UseCode(device, step); err != nil {
			return time.Time{}, err
		}
	}
	if !ok {
		return time.Time{}, query.Forbidden("AccessDenied", "MultiFactorAuthentication failed with invalid MFA one time pass code. ")
	}
	c.guesses.Forget(user.UniqueID)
	return c.Now, nil
}
