package source

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/rolestore"
)

// fetchFails asks an issuer that gives nothing and returns why, having looked
// that the error is transient, names the address and shows no secret.
func fetchFails(t *testing.T, ctx context.Context, issuer, address string, a *asked) error {
	t.Helper()
	w, _ := dialed(t, issuer)
	c, err := w.Fetch(ctx, web())
	if err == nil || errors.Is(err, rolestore.ErrRefused) || c != (rolestore.Credentials{}) {
		t.Fatalf("Fetch: %+v, %v, want a transient error alone", c, err)
	}
	if !strings.Contains(err.Error(), address) {
		t.Errorf("%q does not tell which address", err)
	}
	secrets := []string{secretKey, sessionToken}
	if a != nil {
		secrets = append(secrets, a.tokens()...)
	}
	for _, secret := range secrets {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("%q shows a secret", err)
		}
	}
	return err
}

func TestWhatIsNoReplyIsTransient(t *testing.T) {
	for _, test := range []struct {
		name   string
		answer http.HandlerFunc
		want   string // in the error
	}{
		{"a page for people", says(200, "<!doctype html><html><body>hello<br></body></html>"), "does not answer"},
		{"a proxy's page", says(502, "<html><body>bad gateway<br></body></html>"), "does not answer"},
		{"JSON", says(503, `{"message": "later"}`), "HTTP 503 Service Unavailable"},
		{"an error without a body", says(500, ""), "HTTP 500 Internal Server Error"},
		{"a forbidden that no STS said", says(403, ""), "HTTP 403 Forbidden"},
		{"nothing", says(200, ""), "incomplete"},
		{"a page that is XML", says(200, "<html><body>hello</body></html>"), "does not answer"},
		{"a reply that ends early", says(200, session()[:300]), "does not answer"},
		{"no access key", says(200, session("AccessKeyId")), "incomplete"},
		{"no secret", says(200, session("SecretAccessKey")), "incomplete"},
		{"no session token", says(200, session("SessionToken")), "incomplete"},
		{"no expiry", says(200, session("Expiration")), "incomplete"},
		{"an expiry that is past", says(200, strings.Replace(session(), "2026", "2025", 1)), "incomplete"},
		{"a closed connection", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "does not answer"},
		{"the host token itself", func(w http.ResponseWriter, r *http.Request) {
			says(400, refusal("InvalidIdentityToken", "no good: "+r.PostForm.Get("WebIdentityToken")))(w, r)
		}, "no good: redacted"},
	} {
		t.Run(test.name, func(t *testing.T) {
			issuers(t, test.answer, func(t *testing.T, issuer, address string, a *asked) {
				if err := fetchFails(t, t.Context(), issuer, address, a); !strings.Contains(err.Error(), test.want) {
					t.Errorf("Fetch: %v, want %q", err, test.want)
				}
			})
		})
	}
}

func TestARefusalShowsNoHostToken(t *testing.T) {
	issuers(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		says(403, refusal("AccessDenied", r.PostForm.Get("WebIdentityToken")))(w, r)
	}), func(t *testing.T, issuer, _ string, a *asked) {
		w, _ := dialed(t, issuer)
		_, err := w.Fetch(t.Context(), web())
		if !errors.Is(err, rolestore.ErrRefused) || strings.Contains(err.Error(), a.tokens()[0]) {
			t.Errorf("Fetch: %v", err)
		}
	})
}

func TestAnIssuerThatIsNotThere(t *testing.T) {
	t.Run("no socket", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "issuer.sock")
		_ = fetchFails(t, t.Context(), "unix:"+path, path, nil)
	})
	t.Run("a socket that nobody listens on", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "issuer.sock")
		listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
		if err != nil {
			t.Fatal(err)
		}
		listener.SetUnlinkOnClose(false)
		_ = listener.Close()
		_ = fetchFails(t, t.Context(), "unix:"+path, path, nil)
	})
	t.Run("a port that nobody listens on", func(t *testing.T) {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		_ = listener.Close()
		address := listener.Addr().String()
		_ = fetchFails(t, t.Context(), "http://"+address, address, nil)
	})
	t.Run("a TLS server that has no certificate", func(t *testing.T) {
		server := httptest.NewUnstartedServer(nil)
		server.Config.ErrorLog = log.New(io.Discard, "", 0)
		server.TLS = &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			return nil, errors.New("not today")
		}}
		server.StartTLS()
		defer server.Close()
		_ = fetchFails(t, t.Context(), server.URL, server.Listener.Addr().String(), nil)
	})
	t.Run("a certificate of an unknown authority", func(t *testing.T) {
		var reached bool
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
		server.Config.ErrorLog = log.New(io.Discard, "", 0)
		server.StartTLS()
		defer server.Close()
		address := server.Listener.Addr().String()
		if err := fetchFails(t, t.Context(), server.URL, address, nil); !strings.Contains(err.Error(), "x509") || reached {
			t.Errorf("Fetch: %v, reached %t", err, reached)
		}
	})
}

func TestAHangingIssuerIsEndedByTheContext(t *testing.T) {
	for name, began := range map[string]string{"before its reply": "", "within its reply": session()[:300]} {
		t.Run(name, func(t *testing.T) {
			hangs := make(chan struct{}, 1)
			issuers(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if began != "" {
					_, _ = w.Write([]byte(began))
					_ = http.NewResponseController(w).Flush()
				}
				hangs <- struct{}{}
				<-r.Context().Done()
			}), func(t *testing.T, issuer, address string, a *asked) {
				ctx, cancel := context.WithCancel(t.Context())
				go func() {
					<-hangs
					cancel()
				}()
				if err := fetchFails(t, ctx, issuer, address, a); !errors.Is(err, context.Canceled) {
					t.Errorf("Fetch: %v, want %v", err, context.Canceled)
				}
			})
		})
	}
}

func TestARedirectIsNotFollowed(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			elsewhere, stolen := serve(t, "tcp", "127.0.0.1:0", says(200, session()))
			issuers(t, http.RedirectHandler("http://"+elsewhere.String()+"/", status), func(t *testing.T, issuer, address string, a *asked) {
				if err := fetchFails(t, t.Context(), issuer, address, a); !strings.Contains(err.Error(), http.StatusText(status)) {
					t.Errorf("Fetch: %v, want the redirect said", err)
				}
				if got := stolen.all(); len(got) > 0 {
					t.Errorf("the other server got %v", got[0].PostForm)
				}
			})
		})
	}
}
