package relying

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rolecall/rolecall/rolestore/issuer/caller"
	"github.com/rolecall/rolecall/rolestore/issuer/query"
	"github.com/rolecall/rolecall/rolestore/issuer/sigv4"
	"github.com/rolecall/rolecall/rolestore/verify/wire"
)

// look verifies the request that a question is about. A request that is refused is an
// answer, and no error.
func (s *Server) look(q *wire.Question, asker *caller.Call) (wire.Answer, error) {
	signed, err := received(q)
	if err != nil {
		return wire.Answer{}, err
	}
	who := &caller.Call{Request: &query.Request{}, Directory: asker.Directory, Now: asker.Now}
	signature, err := s.caller(q, signed, who)
	if err != nil {
		e := query.Translate(err)
		if e.Status >= http.StatusInternalServerError {
			return wire.Answer{}, err
		}
		return wire.Answer{Refusal: &wire.Refusal{Code: e.Code, Message: e.Message, Status: e.Status}}, nil
	}
	answer := wire.Answer{Principal: describe(who, signature)}
	if q.Authorize != nil {
		answer.Decision, err = decide(q.Authorize, who)
	}
	return answer, err
}

// received is the request as the service received it.
func received(q *wire.Question) (sigv4.Request, error) {
	signed := sigv4.Request{Method: q.Method, Path: q.Path, RawQuery: q.Query, Host: q.Host, Header: http.Header{}, BodyHash: new([sha256.Size]byte)}
	hash, err := hex.DecodeString(q.PayloadSHA256)
	if err != nil || copy(signed.BodyHash[:], hash) != sha256.Size || len(hash) != sha256.Size {
		return signed, query.Validation("payload_sha256: want the 64 hexadecimal digits of the body's hash")
	}
	for name, values := range q.Headers {
		canonical := http.CanonicalHeaderKey(name)
		if signed.Header[canonical] != nil {
			return signed, query.Validation("headers: %q is there twice", name)
		}
		signed.Header[canonical] = values
	}
	return signed, nil
}

// caller identifies who signed for the service that asks. The cache of signing keys is
// not used: a service may call itself what it likes, and each name would need its own.
func (s *Server) caller(q *wire.Question, signed sigv4.Request, who *caller.Call) (*sigv4.Signature, error) {
	signature, err := sigv4.Parse(signed)
	if err != nil {
		return nil, err
	}
	fits := func(region string) bool {
		return region != "" && (len(q.Regions) == 0 || slices.Contains(q.Regions, region))
	}
	if who.Caller, err = s.identify(signed, who, sigv4.NewVerifier(q.Service), fits); err != nil {
		return nil, err
	}
	window := time.Duration(q.WindowSeconds) * time.Second
	if age := who.Now.Sub(signature.Time).Abs(); window > 0 && age > window {
		return nil, query.Forbidden("RequestExpired", "The request was signed too long ago, or by a clock that is wrong: it must be at most "+window.String()+".")
	}
	return signature, checkExpires(q.Query, signature, who.Now)
}

// checkExpires holds a presigned URL to its own word, where that is stricter. STS alone
// does not (https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html).
func checkExpires(raw string, signature *sigv4.Signature, now time.Time) error {
	values, err := url.ParseQuery(raw)
	said := values["X-Amz-Expires"]
	if !signature.Presigned || err == nil && len(said) == 0 {
		return nil
	}
	seconds, bad := 0, err
	if bad == nil {
		seconds, bad = strconv.Atoi(said[0])
	}
	switch {
	case bad != nil || len(said) > 1 || seconds < 1:
		return query.Forbidden("AuthorizationQueryParametersError", "X-Amz-Expires must be a number of seconds, at least 1.")
	case now.Sub(signature.Time) > time.Duration(seconds)*time.Second:
		return query.Forbidden("RequestExpired", "Request has expired.")
	}
	return nil
}

func describe(who *caller.Call, signature *sigv4.Signature) *wire.Principal {
	identity := who.Caller.Principal()
	p := &wire.Principal{
		ARN: who.Caller.ARN(), Account: who.Caller.Account, UserID: who.Caller.UserID(),
		IdentityARN: identity.ARN, UniqueID: identity.UniqueID, Tags: map[string]string{},
		AccessKeyID: signature.AccessKeyID, Signed: signature.Time, Region: signature.Region,
	}
	if p.UniqueID == "" { // a root has none but its account
		p.UniqueID = who.Caller.Account
	}
	if claims := who.Caller.Claims; claims != nil {
		p.SessionName, p.SourceIdentity, p.Expires = claims.SessionName, claims.SourceIdentity, claims.Expires
	}
	const tag = "aws:PrincipalTag/"
	for key, values := range who.Context().All() {
		if name, ok := strings.CutPrefix(key, tag); ok {
			p.Tags[name] = values[0]
		}
	}
	return p
}
