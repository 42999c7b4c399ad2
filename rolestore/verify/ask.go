package verify

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"strconv"
	"strings"

	"github.com/rolecall/rolecall/rolestore/verify/wire"
)

// maxAnswer bounds what is read of an answer, in bytes: fifty tags, and room.
const maxAnswer = 64 << 10

// signature is where a request has its signature.
type signature struct {
	names []string // of the headers that it covers; nil without a signature
}

// signedBy finds a request's signature. What is wrong with it, the core says.
func signedBy(r *http.Request) signature {
	query := r.URL.Query()
	if query.Get("X-Amz-Algorithm") != "" {
		return signature{strings.Split(query.Get("X-Amz-SignedHeaders"), ";")}
	}
	authorization := strings.TrimSpace(r.Header.Get("Authorization"))
	scheme, fields, _ := strings.Cut(authorization, " ")
	if !strings.HasPrefix(scheme, "AWS4-") {
		return signature{}
	}
	for field := range strings.SplitSeq(fields, ",") {
		if names, ok := strings.CutPrefix(strings.TrimSpace(field), "SignedHeaders="); ok {
			return signature{strings.Split(names, ";")}
		}
	}
	return signature{[]string{}}
}

// headers are those that the core needs to see: nobody else's business leaves the
// service.
func (s signature) headers(r *http.Request) map[string][]string {
	needed := map[string][]string{}
	for _, name := range append([]string{"Authorization", "X-Amz-Date", "Date", "X-Amz-Security-Token", "X-Amz-Content-Sha256"}, s.names...) {
		name = http.CanonicalHeaderKey(name)
		if values, ok := r.Header[name]; ok {
			needed[name] = values
		}
	}
	return needed
}

// covers reports whether a header is signed.
func (s signature) covers(name string) bool {
	for _, own := range s.names {
		if own == strings.ToLower(name) {
			return true
		}
	}
	return false
}

// hash returns the hash of the request's body, which it reads and puts back.
func (g *Guard) hash(r *http.Request) (string, error) {
	body := []byte(nil)
	if r.Body != nil {
		var err error
		body, err = io.ReadAll(http.MaxBytesReader(nil, r.Body, g.config.MaxBody))
		var large *http.MaxBytesError
		switch {
		case errors.As(err, &large):
			return "", &Error{Code: "RequestEntityTooLarge", Message: fmt.Sprintf("The body must be at most %d bytes long.", large.Limit), Status: http.StatusRequestEntityTooLarge}
		case err != nil:
			return "", &Error{Code: "MalformedInput", Message: "The body could not be read.", Status: http.StatusBadRequest, Err: err}
		}
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return hexHash(body), nil
}

func hexHash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// withWay adds to a matter what policies may ask about the way that the request came,
// unless the service, which may know of a proxy, has said it.
func withWay(m *Matter, r *http.Request) *Matter {
	if m == nil {
		return nil
	}
	own := *m
	own.Context = map[string][]string{"aws:SecureTransport": {strconv.FormatBool(r.TLS != nil)}}
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		own.Context["aws:SourceIp"] = []string{host}
	}
	if agent := r.UserAgent(); agent != "" {
		own.Context["aws:UserAgent"] = []string{agent}
	}
	for key := range own.Context {
		for said := range m.Context {
			if strings.EqualFold(key, said) {
				delete(own.Context, key)
			}
		}
	}
	maps.Copy(own.Context, m.Context)
	return &own
}

// ask has the core answer a question. There is a principal in the answer.
func (g *Guard) ask(ctx context.Context, q *wire.Question) (wire.Answer, error) {
	var answer wire.Answer
	body, err := json.Marshal(q)
	if err != nil {
		return answer, unavailable(err)
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, g.config.Core+wire.Path, bytes.NewReader(body))
	if err != nil {
		return answer, unavailable(err)
	}
	r.Header.Set("Content-Type", "application/json")
	credentials, err := g.config.Credentials.Retrieve(ctx)
	if err != nil {
		return answer, unavailable(fmt.Errorf("the service's own credentials: %w", err))
	}
	region := g.config.Region
	if region == "" {
		region = "us-east-1" // the core is every region's
	}
	if err := g.signer.SignHTTP(ctx, credentials, r, hexHash(body), wire.Service, region, g.config.Now()); err != nil {
		return answer, unavailable(err)
	}
	if err := fetch(g.client, r, &answer); err != nil {
		return answer, unavailable(fmt.Errorf("ask the core at %s: %w", g.config.Core, err))
	}
	switch {
	case answer.Refusal != nil:
		return answer, &Error{Code: answer.Refusal.Code, Message: answer.Refusal.Message, Status: answer.Refusal.Status}
	case answer.Principal == nil, q.Authorize != nil && answer.Decision == nil:
		return answer, unavailable(errors.New("the core's answer lacks what was asked for"))
	}
	return answer, nil
}

// fetch sends r, and reads a JSON answer of 200. An error has what another answer says.
func fetch(c *http.Client, r *http.Request, into any) error {
	response, err := c.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	switch {
	case err != nil:
		return err
	case len(body) > maxAnswer:
		return fmt.Errorf("the answer is longer than %d bytes", maxAnswer)
	case response.StatusCode != http.StatusOK:
		const quoted = 512 // bytes of an answer, in a log
		return &statusError{response.StatusCode, string(body[:min(len(body), quoted)])}
	}
	return json.Unmarshal(body, into)
}

// statusError is an answer that is not 200.
type statusError struct {
	status int
	body   string
}

func (e *statusError) Error() string { return fmt.Sprintf("status %d: %s", e.status, e.body) }
