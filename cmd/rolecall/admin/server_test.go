package admin

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/rolestore"
)

// send makes a raw request, and returns the status and body of the answer.
func (s *served) send(method, path, body string, header ...string) (int, string) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, "http://localhost"+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	for n := 0; n+1 < len(header); n += 2 {
		req.Header.Set(header[n], header[n+1])
	}
	resp, err := s.client.http.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

func TestAnInstanceIsPutShownListedAndRemoved(t *testing.T) {
	s := serve(t)
	ctx := t.Context()
	put, err := s.client.Put(ctx, web())
	if err != nil || put.ID != webID || put.State != StateWaiting || put.AttachmentDetails != web().Attachment {
		t.Fatalf("Put: %+v, %v", put, err)
	}
	if len(s.put) != 1 || !reflect.DeepEqual(s.put[0], web()) {
		t.Errorf("the agent got %+v, want %+v", s.put, web())
	}
	got, err := s.client.Instance(ctx, webID)
	if err != nil || got.StateReason != "waiting for device tap-web" {
		t.Errorf("Instance: %+v, %v", got, err)
	}
	all, err := s.client.List(ctx)
	if err != nil || len(all) != 1 || all[0].ID != webID {
		t.Errorf("List: %+v, %v", all, err)
	}
	status, err := s.client.Status(ctx)
	if err != nil || len(status.Instances) != 1 || status.RefusedPackets["undeclared_source"] != 3 || status.Unclaimed[0] != "tap9" {
		t.Errorf("Status: %+v, %v", status, err)
	}
	if err := s.client.Revoke(ctx, webID); err != nil || len(s.revoked) != 1 {
		t.Errorf("Revoke: %v, %v", err, s.revoked)
	}
	if err := s.client.Revoke(ctx, "i-fffffffffffffffff"); !errors.Is(err, ErrNotFound) {
		t.Errorf("Revoke of another: %v", err)
	}
	if err := s.client.Remove(ctx, webID); err != nil {
		t.Error(err)
	}
	if _, err := s.client.Instance(ctx, webID); !errors.Is(err, ErrNotFound) {
		t.Errorf("a removed instance: %v", err)
	}
	if err := s.client.Remove(ctx, webID); !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), webID) {
		t.Errorf("removing it again: %v", err)
	}
}

func TestAChangeIsLoggedWithItsCaller(t *testing.T) {
	s := serve(t)
	if _, err := s.client.Put(t.Context(), web()); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		_ = s.client.Remove(t.Context(), webID)
	}
	who := fmt.Sprintf("instance_id=%s uid=%d pid=%d", webID, os.Getuid(), os.Getpid())
	for _, want := range []string{
		`level=INFO msg="instance put" ` + who + " attachment=tap-web",
		`level=INFO msg="instance removed" ` + who,
		`level=INFO msg="change of an instance refused" ` + who + " method=DELETE",
	} {
		if !strings.Contains(s.logged(), want) {
			t.Errorf("the log lacks %s:\n%s", want, s.logged())
		}
	}
}

func TestADocumentThatMeansNothingIsRefused(t *testing.T) {
	s := serve(t)
	for name, test := range map[string]struct {
		body   string
		status int
		say    string
	}{
		"nothing":                 {"", 400, "no JSON"},
		"no JSON":                 {"attachment: {host: true}", 400, "no JSON"},
		"a list":                  {"[]", 400, "no JSON"},
		"no attachment":           {"{}", 400, "attachment: want one of"},
		"an unknown member":       {`{"attachment":{"host":true},"userdata":"x"}`, 400, `unknown field "userdata"`},
		"one of an attachment":    {`{"attachment":{"interface":"tap0","vlan":"5"}}`, 400, `unknown field "vlan"`},
		"one of a profile":        {`{"attachment":{"host":true},"iam_instance_profile":{"name":"web"}}`, 400, `unknown field "name"`},
		"a second document":       {`{"attachment":{"host":true}} {}`, 400, "something follows"},
		"another id":              {`{"instance_id":"` + otherID + `","attachment":{"host":true}}`, 400, "the path names"},
		"an option that is none":  {`{"attachment":{"host":true},"metadata_options":{"http_tokens":"never"}}`, 400, "http_tokens"},
		"a profile that is none":  {`{"attachment":{"host":true},"iam_instance_profile":"a b"}`, 400, "iam_instance_profile"},
		"a body without an end":   {`{"instance_id":"` + strings.Repeat("x", maxBody) + `"}`, 413, "too large"},
		"much behind a document":  {`{"attachment":{"host":true}}` + strings.Repeat(" ", maxBody), 413, "too large"},
		"a profile of two kinds":  {`{"attachment":{"host":true},"iam_instance_profile":["web"]}`, 400, "no JSON"},
		"an attachment of a name": {`{"attachment":"tap0"}`, 400, "no JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			status, text := s.send(http.MethodPut, "/v1/instances/"+webID, test.body)
			if status != test.status || !strings.HasPrefix(text, `{"message":"`) || !strings.Contains(strings.ReplaceAll(text, `\"`, `"`), test.say) {
				t.Errorf("got %d %s, want %d %s", status, text, test.status, test.say)
			}
		})
	}
	if status, text := s.send(http.MethodPut, "/v1/instances/web", `{"attachment":{"host":true}}`); status != 400 || !strings.Contains(text, "17 hexadecimal digits") {
		t.Errorf("an id that is none: %d %s", status, text)
	}
	if len(s.put) != 0 {
		t.Errorf("the agent got %+v", s.put)
	}
	if status, text := s.send(http.MethodPut, "/v1/instances/"+webID, `{"attachment":{"host":true}}`); status != 200 || s.put[0].InstanceID != webID {
		t.Errorf("a document without an id: %d %s", status, text)
	}
}

func TestErrorsHaveTheirStatus(t *testing.T) {
	s := serve(t)
	for err, want := range map[error]int{
		ErrInvalid: 400, ErrNotFound: 404, ErrConflict: 409, ErrEnded: 409, ErrNotReady: 503, io.ErrUnexpectedEOF: 500,
	} {
		s.fail = fmt.Errorf("%w: device tap-web, and why", err)
		for _, call := range [][2]string{{"PUT", webID}, {"DELETE", webID}, {"GET", webID + "/ready"}} {
			body := ""
			if call[0] == "PUT" {
				body = `{"attachment":{"interface":"tap-web"}}`
			}
			if status, text := s.send(call[0], "/v1/instances/"+call[1], body); status != want || !strings.Contains(text, s.fail.Error()) {
				t.Errorf("%v for %v: %d %s, want %d", call, err, status, text, want)
			}
		}
		_, got := s.client.Put(t.Context(), web())
		if known := !errors.Is(err, io.ErrUnexpectedEOF); known && !errors.Is(got, err) && !errors.Is(err, ErrEnded) || !strings.Contains(fmt.Sprint(got), "and why") {
			t.Errorf("the client returns %v for %v", got, err)
		}
	}
	if !strings.Contains(s.logged(), `msg="admin request failed"`) {
		t.Errorf("an error of the agent's own is not in its log:\n%s", s.logged())
	}
}

func TestOnlyProgramsOnThisMachineAreAnswered(t *testing.T) {
	s := serve(t)
	for _, header := range [][]string{{"Origin", "https://attacker.example"}, {"Sec-Fetch-Site", "cross-site"}} {
		for _, call := range [][2]string{{"GET", "/v1/status"}, {"PUT", "/v1/instances/" + webID}, {"DELETE", "/v1/instances/" + webID}} {
			if status, text := s.send(call[0], call[1], `{"attachment":{"host":true}}`, header...); status != 403 || !strings.Contains(text, "only programs") {
				t.Errorf("%v with %v: %d %s", call, header, status, text)
			}
		}
	}
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = s.server.Serve(tcp) }() // the server is closed with the test
	resp, err := http.Get("http://" + tcp.Addr().String() + "/v1/status")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusForbidden {
		t.Errorf("over TCP, where nobody knows who asks: %s", resp.Status)
	}
	recorder := httptest.NewRecorder()
	s.server.Handler.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "http://localhost/v1/status", nil))
	if recorder.Code != http.StatusForbidden || len(s.put) != 0 {
		t.Errorf("without a connection: %d", recorder.Code)
	}
}

func TestOtherPathsAreNotThere(t *testing.T) {
	s := serve(t)
	for _, call := range [][2]string{
		{"POST", "/v1/instances"}, {"GET", "/v1/instances/"}, {"POST", "/v1/instances/" + webID}, {"PUT", "/v1/instances/" + webID + "/ready"}, {"GET", "/"},
	} {
		if status, _ := s.send(call[0], call[1], ""); status != 404 {
			t.Errorf("%v answers %d", call, status)
		}
	}
}

func TestASocketThatCannotBeUsedIsExplained(t *testing.T) {
	_, err := NewClient(t.TempDir()+"/agent.sock").Put(t.Context(), Document{InstanceID: webID, Attachment: rolestore.Attachment{Host: true}})
	if err == nil || !strings.Contains(err.Error(), "start rolecall") {
		t.Error(err)
	}
}
