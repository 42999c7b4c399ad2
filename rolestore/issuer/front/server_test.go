package front

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/rolestore/issuer/caller"
	"github.com/rolecall/rolecall/rolestore/issuer/directory"
	"github.com/rolecall/rolecall/rolestore/issuer/query"
	"github.com/rolecall/rolecall/rolestore/seal"
)

// api is one whose every operation answers its own name, or fails.
func api(service, version string) API {
	return API{
		Service: service, Version: version, Namespace: "https://" + service + ".example/",
		Endpoint: func(host string) bool { return host == service+".amazonaws.com" },
		Fits:     func(_, region string) bool { return region == "us-east-1" },
		Find: func(r *query.Request) (Operation, bool) {
			return Operation{Unsigned: true, Do: func(*caller.Call) ([]query.Element, error) {
				switch r.Action {
				case "Fail":
					return nil, errors.New("no entropy")
				case "Refuse":
					return nil, query.Forbidden("AccessDenied", "no")
				}
				return []query.Element{{Name: "Service", Text: service}}, nil
			}}, true
		},
	}
}

func door(t *testing.T, log *bytes.Buffer) *Server {
	t.Helper()
	dir := t.TempDir()
	keyring, err := seal.Create(filepath.Join(dir, "keys"))
	if err != nil {
		t.Fatal(err)
	}
	d, err := directory.Open(directory.Config{Path: filepath.Join(dir, "core.db"), Keyring: keyring})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	s := New(Config{Directory: d, URL: "https://core.example.com", Now: func() time.Time { return time.Unix(1e9, 0) }, Logger: slog.New(slog.NewJSONHandler(log, nil))})
	s.Serve(api("sts", "2011-06-15"))
	s.Serve(api("iam", "2010-05-08"))
	return s
}

func ask(s *Server, host, version, action string) *httptest.ResponseRecorder {
	reply := httptest.NewRecorder()
	s.ServeHTTP(reply, httptest.NewRequest(http.MethodGet, "http://"+host+"/?Action="+action+"&Version="+version, nil))
	return reply
}

func TestAVersionLeadsToItsAPI(t *testing.T) {
	s := door(t, &bytes.Buffer{})
	for _, test := range []struct{ host, version, want string }{
		{"127.0.0.1:8473", "2011-06-15", "<Service>sts</Service>"}, {"127.0.0.1", "2010-05-08", "<Service>iam</Service>"},
		{"core.example.com", "2010-05-08", "<Service>iam</Service>"}, {"iam.core.example.com:443", "2010-05-08", "<Service>iam</Service>"},
		{"sts.core.example.com", "2011-06-15", "<Service>sts</Service>"},
		{"iam.amazonaws.com", "2010-05-08", "<Service>iam</Service>"}, {"STS.amazonaws.com", "2011-06-15", "<Service>sts</Service>"},
		{"iam.amazonaws.com", "2011-06-15", "NoSuchVersion"}, {"sts.amazonaws.com", "2010-05-08", "NoSuchVersion"},
		{"127.0.0.1", "2012-01-01", "NoSuchVersion"}, {"127.0.0.1", "", "NO_VERSION_SPECIFIED"},
		{"iam.attacker.example", "2010-05-08", "AccessDenied"},
	} {
		if reply := ask(s, test.host, test.version, "Name"); !strings.Contains(reply.Body.String(), test.want) {
			t.Errorf("%s at %s: %d %s, want %s", test.version, test.host, reply.Code, reply.Body, test.want)
		}
	}
}

// A fault of the service's own is an error in its log, where refusals are not.
func TestOnlyAFaultOfOursIsLoggedAsAnError(t *testing.T) {
	var log bytes.Buffer
	s := door(t, &log)
	ask(s, "127.0.0.1", "2011-06-15", "Fail")
	ask(s, "127.0.0.1", "2011-06-15", "Refuse")
	if got := log.String(); strings.Count(got, `"level":"ERROR"`) != 1 || !strings.Contains(got, `"reason":"no entropy"`) {
		t.Errorf("the log says %s", got)
	}
}
