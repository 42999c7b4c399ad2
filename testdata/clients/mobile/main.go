// Command mobile is a sample of an app on a phone or a desktop, which has no credentials
// of its own: a person signs in with an OpenID Connect provider in a browser (RFC 8252,
// with PKCE of RFC 7636), the core gives a role's session for the ID token, and with that
// the app calls a service. It prints the URL that the browser is to open, and then what
// the service answers.
package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// patience is how long a person may take to sign in.
const patience = 5 * time.Minute

func main() {
	issuer := flag.String("issuer", "https://login.example.com", "the provider's `URL`")
	client := flag.String("client", "mobile", "what the provider knows the app by")
	core := flag.String("core", "https://sts.example.com", "the core's `URL`")
	role := flag.String("role", "", "`ARN` of the role to assume")
	service := flag.String("service", "https://reports.example.com/reports/1", "`URL` to get")
	flag.Parse()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	token, err := signIn(ctx, *issuer, *client)
	if err != nil {
		log.Fatal("sign in: ", err)
	}
	credentials, err := assume(ctx, *core, *role, token)
	if err != nil {
		log.Fatal("assume the role: ", err)
	}
	text, err := call(ctx, credentials, *service)
	if err != nil {
		log.Fatal("call the service: ", err)
	}
	fmt.Println(text)
}

// endpoints are the provider's (OpenID Connect Discovery 1.0 section 3).
type endpoints struct {
	Authorization string `json:"authorization_endpoint"`
	Token         string `json:"token_endpoint"`
}

// signIn returns the ID token of who signs in.
func signIn(ctx context.Context, issuer, client string) (string, error) {
	var at endpoints
	if err := getJSON(ctx, issuer+"/.well-known/openid-configuration", &at); err != nil {
		return "", err
	}
	var listening net.ListenConfig
	listener, err := listening.Listen(ctx, "tcp", "127.0.0.1:0") // RFC 8252 section 7.3
	if err != nil {
		return "", err
	}
	defer func() { _ = listener.Close() }()
	back := "http://" + listener.Addr().String() + "/signed-in"
	verifier, state, nonce := rand.Text()+rand.Text(), rand.Text(), rand.Text()
	sum := sha256.Sum256([]byte(verifier))
	fmt.Println(at.Authorization + "?" + url.Values{
		"client_id": {client}, "response_type": {"code"}, "scope": {"openid"}, "redirect_uri": {back}, "state": {state}, "nonce": {nonce},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
	}.Encode())
	code, err := awaitCode(ctx, listener, state)
	if err != nil {
		return "", err
	}
	var reply struct {
		IDToken string `json:"id_token"`
	}
	err = postForm(ctx, at.Token, url.Values{
		"grant_type": {"authorization_code"}, "client_id": {client}, "code": {code}, "redirect_uri": {back}, "code_verifier": {verifier},
	}, &reply)
	return reply.IDToken, err
}

// awaitCode serves the page that the browser comes back to.
func awaitCode(ctx context.Context, l net.Listener, state string) (string, error) {
	codes := make(chan url.Values, 1)
	server := &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/signed-in" || r.URL.Query().Get("state") != state {
			http.NotFound(w, r)
			return
		}
		_, _ = io.WriteString(w, "You are signed in. Go back to the app.\n")
		select {
		case codes <- r.URL.Query():
		default:
		}
	})}
	go func() { _ = server.Serve(l) }()
	defer func() { _ = server.Shutdown(ctx) }()
	select {
	case q := <-codes:
		if code := q.Get("code"); code != "" {
			return code, nil
		}
		return "", errors.New("the provider says " + q.Get("error"))
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// assume needs no key: the token is what the caller is known by.
func assume(ctx context.Context, core, role, token string) (aws.Credentials, error) {
	out, err := sts.New(sts.Options{Region: "eu-central-1", BaseEndpoint: &core}).AssumeRoleWithWebIdentity(ctx, &sts.AssumeRoleWithWebIdentityInput{
		RoleArn: &role, RoleSessionName: aws.String("mobile"), WebIdentityToken: &token,
	})
	if err != nil {
		return aws.Credentials{}, err
	}
	c := out.Credentials
	return aws.Credentials{AccessKeyID: *c.AccessKeyId, SecretAccessKey: *c.SecretAccessKey, SessionToken: *c.SessionToken}, nil
}

// call signs a GET of the service reports.
func call(ctx context.Context, c aws.Credentials, url string) (string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	empty := sha256.Sum256(nil)
	if err := v4.NewSigner().SignHTTP(ctx, c, r, hex.EncodeToString(empty[:]), "reports", "eu-central-1", time.Now()); err != nil {
		return "", err
	}
	return do(r)
}

func getJSON(ctx context.Context, url string, into any) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	return doJSON(r, into)
}

func postForm(ctx context.Context, at string, form url.Values, into any) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, at, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return doJSON(r, into)
}

func doJSON(r *http.Request, into any) error {
	text, err := do(r)
	if err != nil {
		return err
	}
	return json.Unmarshal([]byte(text), into)
}

func do(r *http.Request) (string, error) {
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", response.Status, text)
	}
	return string(text), err
}
