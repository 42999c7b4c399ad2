package issuer

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/rolecall/rolecall/rolestore/issuer/directory"
	"github.com/rolecall/rolecall/rolestore/seal"
)

// core opens a core on the directory dir.
func core(t testing.TB, dir string, definitions *directory.Definitions, log io.Writer) *Core {
	t.Helper()
	keys := filepath.Join(dir, "keys")
	keyring, err := seal.Load(keys)
	if err != nil {
		keyring, err = seal.Create(keys)
	}
	if err != nil {
		t.Fatal(err)
	}
	c, err := Open(Config{Path: filepath.Join(dir, "core.db"), Keyring: keyring, Definitions: definitions, Now: time.Now,
		Logger: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// admin serves the admin API on a Unix socket and posts one request to it.
func admin(t *testing.T, c *Core, body string, header ...string) (int, string) {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "core.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	return post(t, c, l, body, header...)
}

func post(t *testing.T, c *Core, l net.Listener, body string, header ...string) (int, string) {
	t.Helper()
	s := c.Admin()
	go func() { _ = s.Serve(l) }()
	defer func() { _ = s.Close() }()
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, l.Addr().Network(), l.Addr().String())
	}}}
	defer client.CloseIdleConnections()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://localhost/v1/credentials", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

func TestWhoOpensTheAdminSocketGetsASession(t *testing.T) {
	var log bytes.Buffer
	c := core(t, t.TempDir(), nil, &log)
	defer func() { _ = c.Close() }()
	status, text := admin(t, c, "{}")
	var session Session
	if err := json.Unmarshal([]byte(text), &session); err != nil || status != http.StatusOK || session.Version != 1 {
		t.Fatalf("the admin socket answers %d %s (%v)", status, text, err)
	}
	if left := time.Until(session.Expiration); left > administratorSession || left < administratorSession-time.Minute {
		t.Errorf("the session lives for %s", left)
	}
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(c.Public().Handler)
	defer server.Close()
	client := sts.New(sts.Options{Region: "us-east-1", BaseEndpoint: aws.String(server.URL),
		Credentials: credentials.NewStaticCredentialsProvider(session.AccessKeyID, session.SecretAccessKey, session.SessionToken)})
	identity, err := client.GetCallerIdentity(t.Context(), nil)
	if err != nil || !strings.HasSuffix(aws.ToString(identity.Arn), ":assumed-role/rolecall-administrator/"+me.Username) {
		t.Errorf("the session is %v (%v)", identity, err)
	}
	account := c.Directory().Snapshot().Accounts()[0]
	_, err = client.AssumeRole(t.Context(), &sts.AssumeRoleInput{
		RoleArn: aws.String("arn:aws:iam::" + account + ":role/" + directory.AdministratorRole), RoleSessionName: aws.String("again")})
	if err == nil || !strings.Contains(err.Error(), "AccessDenied") {
		t.Errorf("the administrator's role was assumed: %v", err)
	}
	for _, secret := range []string{session.SecretAccessKey, session.SessionToken} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("the log shows a secret:\n%s", &log)
		}
	}
}

func TestTheAdminSocketRefuses(t *testing.T) {
	two := directory.Default("123456789012")
	two.Accounts = append(two.Accounts, directory.Default("210987654321").Accounts...)
	c := core(t, t.TempDir(), &two, io.Discard)
	defer func() { _ = c.Close() }()
	for name, test := range map[string]struct {
		body   string
		header []string
		status int
		say    string
	}{
		"an account that is not there": {`{"account":"000000000000"}`, nil, 400, "there is no account"},
		"no JSON":                      {"x", nil, 400, "no JSON"},
		"nothing":                      {"", nil, 400, "no JSON"},
		"a narrower session":           {`{"account":"123456789012","policy":"{}"}`, nil, 400, "unknown field"},
		"a body without end":           {`{"account":"` + strings.Repeat("x", maxAdminBody) + `"}`, nil, 400, "too large"},
		"a web page":                   {"{}", []string{"Origin", "https://attacker.example"}, 403, "programs"},
		"a web page's image":           {"{}", []string{"Sec-Fetch-Site", "cross-site"}, 403, "programs"},
	} {
		t.Run(name, func(t *testing.T) {
			if status, text := admin(t, c, test.body, test.header...); status != test.status || !strings.Contains(text, test.say) {
				t.Errorf("got %d %s, want %d %s", status, text, test.status, test.say)
			}
		})
	}
	if status, _ := admin(t, c, `{"account":"210987654321"}`); status != http.StatusOK {
		t.Errorf("the second account: %d", status)
	}
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if status, text := post(t, c, tcp, `{"account":"210987654321"}`); status != http.StatusForbidden {
		t.Errorf("over TCP, where nobody knows who asks: %d %s", status, text)
	}
}

func TestTheBuiltInAccountStays(t *testing.T) {
	dir := t.TempDir()
	c := core(t, dir, nil, io.Discard)
	before := c.Directory().Snapshot()
	account := before.Accounts()[0]
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	c = core(t, dir, nil, io.Discard)
	defer func() { _ = c.Close() }()
	after := c.Directory().Snapshot()
	if after.Accounts()[0] != account || after.RoleByName(account, directory.DefaultName).UniqueID != before.RoleByName(account, directory.DefaultName).UniqueID {
		t.Errorf("the account was %s and is %s", account, after.Accounts()[0])
	}
}

func TestSessionNames(t *testing.T) {
	if got := sessionName(0); got != "root" {
		t.Errorf("uid 0 is %s", got)
	}
	if got := sessionName(54321); got != "uid-54321" {
		t.Errorf("a uid without a name is %s", got)
	}
}
