package iam

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/smithy-go"

	"github.com/rolecall/rolecall/rolestore"
	"github.com/rolecall/rolecall/rolestore/issuer/directory"
	"github.com/rolecall/rolecall/rolestore/issuer/front"
	"github.com/rolecall/rolecall/rolestore/issuer/hosts"
	"github.com/rolecall/rolecall/rolestore/issuer/query"
	"github.com/rolecall/rolecall/rolestore/issuer/session"
	"github.com/rolecall/rolecall/rolestore/seal"
)

const (
	account = "111122223333"
	other   = "444455556666"
	ownURL  = "https://core.example.com"
	file    = "/etc/rolecall/core.yaml"

	trustEC2 = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
	allowAll = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`
	readOnly = "arn:aws:iam::" + account + ":policy/team/read"
)

// world is a core with IAM alone, whose clock a test can set.
type world struct {
	directory *directory.Directory
	url       string

	mu  sync.Mutex
	now time.Time
	log bytes.Buffer
}

// standard has an administrator by the file in each account, and what the file manages.
func standard(roles ...directory.RoleDefinition) directory.Definitions {
	admin := directory.RoleDefinition{Name: "admin", AssumeRolePolicyDocument: []byte(trustEC2), Policies: map[string][]byte{"all": []byte(allowAll)}}
	return directory.Definitions{Source: file, Accounts: []directory.AccountDefinition{
		{ID: account, Roles: append([]directory.RoleDefinition{admin}, roles...),
			Policies: []directory.PolicyDefinition{{Name: "read", Path: "/team/", Document: []byte(statement(`"Effect":"Allow","Action":"s3:Get*","Resource":"*"`))}}},
		{ID: other, Roles: []directory.RoleDefinition{admin}, Policies: []directory.PolicyDefinition{{Name: "theirs", Document: []byte(allowAll)}}},
	}}
}

// statement is a policy of one statement.
func statement(members string) string {
	return `{"Version":"2012-10-17","Statement":[{` + members + `}]}`
}

// may is a role of the file that may do what the statements say.
func may(name string, statements ...string) directory.RoleDefinition {
	r := directory.RoleDefinition{Name: name, AssumeRolePolicyDocument: []byte(trustEC2), Policies: map[string][]byte{}}
	for i, s := range statements {
		r.Policies[string(rune('a'+i))] = []byte(statement(s))
	}
	return r
}

func newWorld(t testing.TB, definitions directory.Definitions) *world {
	t.Helper()
	return newWorldAt(t, definitions, ownURL)
}

// newWorldAt is a world that parties outside reach at a URL, or not at all.
func newWorldAt(t testing.TB, definitions directory.Definitions, url string) *world {
	t.Helper()
	dir := t.TempDir()
	keyring, err := seal.Create(filepath.Join(dir, "keys"))
	must(t, err)
	d, err := directory.Open(directory.Config{Path: filepath.Join(dir, "core.db"), Keyring: keyring})
	must(t, err)
	t.Cleanup(func() { _ = d.Close() })
	_, err = d.Reconcile(definitions, true)
	must(t, err)
	w := &world{directory: d, now: time.Now().UTC().Truncate(time.Second)}
	door := front.New(front.Config{Directory: d, Leases: hosts.New(d, w.now), URL: url, Now: w.clock, Logger: slog.New(slog.NewJSONHandler(w, nil))})
	New(d, door)
	server := httptest.NewServer(door)
	t.Cleanup(server.Close)
	w.url = server.URL
	return w
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Write makes the world the destination of its server's log.
func (w *world) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.Write(p)
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

// session returns credentials of a session of a role, good for an hour.
func (w *world) session(t testing.TB, account, role string) rolestore.Credentials {
	t.Helper()
	return w.issue(t, session.Claims{Principal: w.directory.Snapshot().RoleByName(account, role).UniqueID, Account: account, SessionName: "test"})
}

func (w *world) issue(t testing.TB, claims session.Claims) rolestore.Credentials {
	t.Helper()
	claims.Issued, claims.Expires = w.clock(), w.clock().Add(time.Hour)
	c, err := w.directory.Snapshot().Sealer().Issue(claims)
	must(t, err)
	return c
}

// as is the SDK's client with credentials, with nothing changed but where it finds the
// service.
func (w *world) as(c rolestore.Credentials) *awsiam.Client {
	return awsiam.New(awsiam.Options{
		Region: "eu-west-1", BaseEndpoint: aws.String(w.url), RetryMaxAttempts: 1,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey.Reveal(), SessionToken: c.SessionToken.Reveal()}, nil
		}),
	})
}

// role is the client in a session of a role.
func (w *world) role(t testing.TB, name string) *awsiam.Client {
	t.Helper()
	return w.as(w.session(t, account, name))
}

// refused reports an error that has not the code, or whose text has not the part.
func refused(t testing.TB, err error, code, part string) {
	t.Helper()
	var refusal smithy.APIError
	if !errors.As(err, &refusal) || refusal.ErrorCode() != code || !strings.Contains(refusal.ErrorMessage(), part) {
		t.Errorf("got %v, want %s: ...%s...", err, code, part)
	}
}

func str(s string) *string { return aws.String(s) }

// sdkError is a refusal as the SDK would give it.
func sdkError(err error) error {
	var e *query.Error
	if !errors.As(err, &e) {
		return err
	}
	return &smithy.GenericAPIError{Code: e.Code, Message: e.Message}
}
