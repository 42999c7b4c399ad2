package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
)

// maxAsking bounds the questions to providers of access tokens that are under way: each
// is a stranger's doing.
const maxAsking = 32

// ErrRejected is of an access token that its provider does not take. It says what the
// provider answers, and may be told to the caller.
var ErrRejected = errors.New("rejected")

// Account is whose access token it is.
type Account struct {
	// AppID is the client that the token was given to, UserID the person.
	AppID, UserID string
}

// AccessTokens asks the providers of OAuth 2.0 access tokens whose they are: these mean
// nothing to anybody else.
type AccessTokens struct {
	known  WellKnown
	doors  map[string]door
	asking chan struct{}
}

// NewAccessTokens returns one that asks at the endpoints.
func NewAccessTokens(known WellKnown) (*AccessTokens, error) {
	a := &AccessTokens{known: known, doors: map[string]door{}, asking: make(chan struct{}, maxAsking)}
	for _, host := range []string{Amazon, Facebook} {
		where, own := known.at(host)
		d, err := newDoor(Provider{CA: where.CA, OnPremises: own})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", host, err)
		}
		a.doors[host] = d
	}
	return a, nil
}

// Account returns whose token of the provider, [Amazon] or [Facebook], it is. Errors are
// [ErrRejected], [ErrUnreachable] and [ErrKeys].
func (a *AccessTokens) Account(host, token string) (Account, error) {
	select {
	case a.asking <- struct{}{}:
		defer func() { <-a.asking }()
	default:
		return Account{}, fmt.Errorf("%w: %d questions are under way already", ErrUnreachable, maxAsking)
	}
	if host == Amazon {
		return a.amazon(token)
	}
	return a.facebook(token)
}

// ask reads what the provider answers to a question about the token.
func (a *AccessTokens) ask(host, question, token string, answer any) error {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	where, _ := a.known.at(host)
	body, err := a.doors[host].get(ctx, where.URL+question+url.QueryEscape(token))
	var said *statusError
	switch {
	case errors.As(err, &said) && !errors.Is(err, ErrUnreachable):
		return fmt.Errorf("%w: %s: %s responded with HTTP/1.1 %s", ErrRejected, host, host, said.status())
	case err != nil:
		return err
	}
	if err := json.Unmarshal(body, answer); err != nil {
		return fmt.Errorf("%w: %s: its answer is not JSON", ErrRejected, host)
	}
	return nil
}

// amazon asks for whom and for what client the token is, which must be asked so that a
// token given to another site is of no use here
// (https://developer.amazon.com/docs/login-with-amazon/obtain-customer-profile.html).
func (a *AccessTokens) amazon(token string) (Account, error) {
	var said struct {
		Client  string `json:"aud"`
		User    string `json:"user_id"`
		Issuer  string `json:"iss"`
		Seconds int64  `json:"exp"` // that are left
	}
	if err := a.ask(Amazon, "/auth/o2/tokeninfo?access_token=", token, &said); err != nil {
		return Account{}, err
	}
	if said.Issuer != "https://"+Amazon || said.Client == "" || said.User == "" || said.Seconds <= 0 {
		return Account{}, fmt.Errorf("%w: %s: the token is not one that is valid now", ErrRejected, Amazon)
	}
	return Account{AppID: said.Client, UserID: said.User}, nil
}

// facebook asks who and which app the token is of
// (https://developers.facebook.com/docs/facebook-login/guides/access-tokens).
func (a *AccessTokens) facebook(token string) (Account, error) {
	var person, app struct {
		ID string `json:"id"`
	}
	if err := a.ask(Facebook, "/me?fields=id&access_token=", token, &person); err != nil {
		return Account{}, err
	}
	if err := a.ask(Facebook, "/app?access_token=", token, &app); err != nil {
		return Account{}, err
	}
	if person.ID == "" || app.ID == "" {
		return Account{}, fmt.Errorf("%w: %s: the token is of nobody", ErrRejected, Facebook)
	}
	return Account{AppID: app.ID, UserID: person.ID}, nil
}
