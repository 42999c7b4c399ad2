package sts

import (
	"errors"

	"github.com/rolecall/rolecall/rolestore/issuer/caller"
	"github.com/rolecall/rolecall/rolestore/issuer/query"
	"github.com/rolecall/rolecall/rolestore/issuer/session"
)

// decodeAuthorizationMessage says what a refusal was about to those of the refused
// caller's account who may know
// (https://docs.aws.amazon.com/STS/latest/APIReference/API_DecodeAuthorizationMessage.html).
func decodeAuthorizationMessage(c *call) ([]query.Element, error) {
	p := newReader(c.Form)
	encoded := p.Required("EncodedMessage", encodedMessageBounds)
	if err := p.Err(); err != nil {
		return nil, err
	}
	if err := c.Authorize(caller.Matter{Action: "sts:DecodeAuthorizationMessage", Resource: "*", Context: c.Context()}); err != nil {
		return nil, err
	}
	text, err := c.Directory.Sealer().OpenMessage(encoded, c.Caller.Account, c.Now)
	switch {
	case errors.Is(err, session.ErrMessage):
		return nil, query.BadRequest("InvalidAuthorizationMessageException", "Message is not valid")
	case err != nil:
		return nil, err
	}
	return []query.Element{{Name: "DecodedMessage", Text: string(text)}}, nil
}
