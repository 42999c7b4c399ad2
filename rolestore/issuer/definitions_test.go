package issuer

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/rolestore/issuer/directory"
)

const trustEC2 = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}}`

// file is a core.yaml with one account and one role.
func file(role string) *directory.Definitions {
	return &directory.Definitions{Accounts: []directory.AccountDefinition{{
		ID:               "000000000001",
		Roles:            []directory.RoleDefinition{{Name: role, AssumeRolePolicyDocument: []byte(trustEC2), MaxSessionDuration: 2 * time.Hour}},
		InstanceProfiles: []directory.InstanceProfileDefinition{{Name: role, Role: role}},
	}}}
}

// reopen closes c and opens it with other definitions.
func reopen(t *testing.T, c *Core, dir string, definitions *directory.Definitions, log io.Writer) *Core {
	t.Helper()
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	return core(t, dir, definitions, log)
}

func TestRemovingTheFileChangesNothingOfIt(t *testing.T) {
	for _, role := range []string{"web", directory.DefaultName} {
		dir := t.TempDir()
		c := core(t, dir, file(role), io.Discard)
		before := c.Directory().Snapshot()
		var log bytes.Buffer
		c = reopen(t, c, dir, nil, &log)
		after := c.Directory().Snapshot()
		if !slices.Equal(after.Accounts(), []string{"000000000001"}) {
			t.Errorf("the accounts are %q", after.Accounts())
		}
		was, is := before.RoleByName("000000000001", role), after.RoleByName("000000000001", role)
		if is.UniqueID != was.UniqueID || is.MaxSessionDuration != was.MaxSessionDuration {
			t.Errorf("the role %s was %+v and is %+v", role, was, is)
		}
		if !strings.Contains(log.String(), "role 000000000001/"+role+" no longer in the file, kept") {
			t.Errorf("nobody is told that the role %s is kept: %s", role, &log)
		}
		// What `up` gives its host is there in any case.
		if after.InstanceProfileByName("000000000001", directory.DefaultName) == nil {
			t.Errorf("without the file that defined %s there is no default profile", role)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestInvalidDefinitionsStopTheCore(t *testing.T) {
	dir := t.TempDir()
	c := core(t, dir, file("web"), io.Discard)
	defer func() { _ = c.Close() }()
	bad := file("web")
	bad.Accounts[0].Roles[0].AssumeRolePolicyDocument = []byte(`{}`)
	_, err := Open(Config{Path: dir + "/other.db", Keyring: c.config.Keyring, Definitions: bad, Now: time.Now})
	if err == nil || !strings.Contains(err.Error(), "definitions: account 000000000001: role web: assume_role_policy_document: ") {
		t.Errorf("Open: %v", err)
	}
	// The file was let go of: the next start, with the mistake mended, finds it free.
	mended, err := Open(Config{Path: dir + "/other.db", Keyring: c.config.Keyring, Definitions: file("web"), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	if err := mended.Close(); err != nil {
		t.Error(err)
	}
}

// A handler that is served without asking the kernel who is there must not take
// everybody for root.
func TestAnUnknownPeerIsNotRoot(t *testing.T) {
	c := core(t, t.TempDir(), nil, io.Discard)
	defer func() { _ = c.Close() }()
	s := httptest.NewServer(c.Admin().Handler)
	defer s.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/v1/credentials", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusForbidden {
		t.Errorf("the admin API answers %s", response.Status)
	}
}

func TestASessionIsNotCached(t *testing.T) {
	c := core(t, t.TempDir(), nil, io.Discard)
	defer func() { _ = c.Close() }()
	r := httptest.NewRequest(http.MethodPost, "http://localhost/v1/credentials", strings.NewReader("{}"))
	recorder := httptest.NewRecorder()
	c.Admin().Handler.ServeHTTP(recorder, r.WithContext(context.WithValue(t.Context(), peerKey{}, 0)))
	if recorder.Code != http.StatusOK || recorder.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("got %d with %v", recorder.Code, recorder.Header())
	}
}

func TestTheAdminAPIHasNothingElse(t *testing.T) {
	c := core(t, t.TempDir(), nil, io.Discard)
	defer func() { _ = c.Close() }()
	for _, target := range []string{"GET /v1/credentials", "POST /v1/credentials/", "POST /v1/", "GET /"} {
		method, path, _ := strings.Cut(target, " ")
		recorder := httptest.NewRecorder()
		c.Admin().Handler.ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), method, "http://localhost"+path, nil))
		if recorder.Code != http.StatusNotFound {
			t.Errorf("%s answers %d", target, recorder.Code)
		}
	}
}
