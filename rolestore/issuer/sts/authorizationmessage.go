package sts

import (
	"errors"

	"github.com/rolecall/rolecall/rolestore/issuer/session"
)

// decodeAuthorizationMessage says what a refusal was about to those of the refused
// caller's account who may know
// (https://docs.aws.amazon.com/STS/latest/APIReference/API_DecodeAuthorizationMessage.html).
func decodeAuthorizationMessage(c *call) ([]element, error) {
	p := newReader(c.form)
	encoded := p.required("EncodedMessage", encodedMessageBounds)
	if err := p.err(); err != nil {
		return nil, err
	}
	if err := c.authorize(matter{action: "sts:DecodeAuthorizationMessage", resource: "*", context: c.context()}); err != nil {
		return nil, err
	}
	text, err := c.directory.Sealer().OpenMessage(encoded, c.caller.account, c.now)
	switch {
	case errors.Is(err, session.ErrMessage):
		return nil, badRequest("InvalidAuthorizationMessageException", "Message is not valid")
	case err != nil:
		return nil, err
	}
	return []element{{name: "DecodedMessage", text: string(text)}}, nil
}
