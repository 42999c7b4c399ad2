package sts

import "github.com/rolecall/rolecall/rolestore/issuer/query"

// getDelegatedAccessToken would exchange a token that an AWS partner was given with
// the consent of an account's owner. Nobody gives out such tokens here, so none is
// one that has not expired
// (https://docs.aws.amazon.com/STS/latest/APIReference/API_GetDelegatedAccessToken.html).
func getDelegatedAccessToken(c *call) ([]query.Element, error) {
	p := newReader(c.Form)
	p.Required("TradeInToken", tradeInTokenBounds)
	if err := p.Err(); err != nil {
		return nil, err
	}
	return nil, query.BadRequest("ExpiredTradeInTokenException", "The trade-in token provided in the request has expired and can no longer be exchanged for credentials.")
}
