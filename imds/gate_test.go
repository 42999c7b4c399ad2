package imds_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/rolestore"
)

func TestGate(t *testing.T) {
	h := newHost(t)
	optional, disabled, unset, strict := db(), web(), web(), web()
	optional.Options.HTTPTokens = "optional"
	disabled.ID, disabled.Options.HTTPEndpoint = "i-disabled", "disabled"
	unset.ID, unset.Options = "i-unset", rolestore.MetadataOptions{}
	strict.ID, strict.Options.HTTPTokens = "i-strict", ""
	for _, i := range []rolestore.Instance{web(), optional, disabled, unset, strict} {
		h.Put(i)
	}
	token, ttl := sessHeader+": "+h.token(t, webID), ttlHeader+": 60"
	v1Token := sessHeader + ": " + h.token(t, dbID)
	const list = "GET /latest/meta-data/ HTTP/1.1"
	const put = "PUT /latest/api/token HTTP/1.1"
	for _, tc := range []struct {
		name  string
		id    string
		lines []string
		want  int
	}{
		{"a token is minted", webID, []string{put, hostIP, ttl}, 200},
		{"a token opens metadata", webID, []string{list, hostIP, token}, 200},
		{"header names have no case", webID, []string{list, hostIP, strings.ToUpper(sessHeader) + token[len(sessHeader):]}, 200},
		{"HEAD is answered", webID, []string{"HEAD /latest/meta-data/ HTTP/1.1", hostIP, token}, 200},
		{"a socket of nobody is refused", "i-unknown", []string{put, hostIP, ttl}, 403},

		{"a disabled endpoint mints no token", "i-disabled", []string{put, hostIP, ttl}, 403},
		{"a disabled endpoint answers nothing", "i-disabled", []string{list, hostIP}, 403},
		{"an endpoint without options is disabled", "i-unset", []string{put, hostIP, ttl}, 403},

		{"a PUT through a proxy is refused", webID, []string{put, hostIP, ttl, "X-Forwarded-For: 192.0.2.1"}, 403},
		{"an empty X-Forwarded-For counts", webID, []string{put, hostIP, ttl, "X-Forwarded-For:"}, 403},
		{"a GET with a token through a proxy is refused", webID, []string{list, hostIP, token, "X-Forwarded-For: 192.0.2.1"}, 403},
		{"the same where tokens are optional", dbID, []string{list, hostIP, v1Token, "X-Forwarded-For: 192.0.2.1"}, 403},
		{"version 1 knows no X-Forwarded-For", dbID, []string{list, hostIP, "X-Forwarded-For: 192.0.2.1"}, 200},
		{"a GET without a token through a proxy lacks the token", webID, []string{list, hostIP, "X-Forwarded-For: 192.0.2.1"}, 401},

		{"Origin is a web page's", webID, []string{list, hostIP, token, "Origin: http://example.com"}, 403},
		{"Sec-Fetch-Site is a browser's", webID, []string{list, hostIP, token, "Sec-Fetch-Site: none"}, 403},
		{"a web page gets no token", webID, []string{put, hostIP, ttl, "Origin: null"}, 403},

		{"Expect is refused", webID, []string{put, hostIP, ttl, "Content-Length: 1", "Expect: 100-continue"}, 417},
		{"Expect is refused without a body", webID, []string{put, hostIP, ttl, "Expect: 100-continue"}, 417},
		{"Expect is refused on GET", webID, []string{list, hostIP, token, "Expect: 100-continue"}, 417},

		{"no token where one is required", webID, []string{list, hostIP}, 401},
		{"no token where nothing is said of it", "i-strict", []string{list, hostIP}, 401},
		{"no token where none is required", dbID, []string{list, hostIP}, 200},
		{"an empty token is a token", dbID, []string{list, hostIP, sessHeader + ":"}, 401},
		{"a bad token counts where none is required", dbID, []string{list, hostIP, sessHeader + ": x"}, 401},
		{"a good token where none is required", dbID, []string{list, hostIP, v1Token}, 200},
		{"two tokens are refused", webID, []string{list, hostIP, token, token}, 401},
		{"a bad token hides what does not exist", webID, []string{"GET /nowhere HTTP/1.1", hostIP}, 401},
		{"a ttl on a GET is no token", dbID, []string{list, hostIP, ttl}, 200},
		{"a very long token is refused", webID, []string{list, hostIP, token + strings.Repeat("A", 5000)}, 401},

		{"PUT with a version", webID, []string{"PUT /2021-03-23/api/token HTTP/1.1", hostIP, ttl}, 403},
		{"PUT with a final slash", webID, []string{"PUT /latest/api/token/ HTTP/1.1", hostIP, ttl}, 403},
		{"PUT with a double slash", webID, []string{"PUT //latest/api/token HTTP/1.1", hostIP, ttl}, 403},
		{"PUT below the token", webID, []string{"PUT /latest/api/token/x HTTP/1.1", hostIP, ttl}, 403},
		{"PUT with an unknown version", webID, []string{"PUT /2021-03-24/api/token HTTP/1.1", hostIP, ttl}, 405},
		{"PUT beside the token", webID, []string{"PUT /latest/api/tokens HTTP/1.1", hostIP, ttl}, 405},
		{"PUT of metadata", webID, []string{"PUT /latest/meta-data/ HTTP/1.1", hostIP, token}, 405},
		{"POST of metadata", webID, []string{"POST /latest/meta-data/ HTTP/1.1", hostIP, token}, 405},
		{"DELETE of metadata", webID, []string{"DELETE /latest/meta-data/ HTTP/1.1", hostIP, token}, 405},
		{"OPTIONS of everything", webID, []string{"OPTIONS * HTTP/1.1", hostIP}, 405},
		{"CONNECT", webID, []string{"CONNECT 169.254.169.254:80 HTTP/1.1", hostIP}, 405},
		{"POST for a token", webID, []string{"POST /latest/api/token HTTP/1.1", hostIP, ttl}, 405},
		{"GET of the token's path", webID, []string{"GET /latest/api/token HTTP/1.1", hostIP, token}, 405},
		{"a GET of an absolute URL without a path", webID, []string{"GET http://169.254.169.254 HTTP/1.1", hostIP, token}, 200},
		{"the same without a token", webID, []string{"GET http://169.254.169.254 HTTP/1.1", hostIP}, 401},
		{"a GET of everything", webID, []string{"GET * HTTP/1.1", hostIP, token}, 404},
		{"the same without a token", webID, []string{"GET * HTTP/1.1", hostIP}, 401},
	} {
		t.Run(tc.name, func(t *testing.T) {
			resp := h.ask(t, tc.id, tc.lines...)
			if resp.StatusCode != tc.want {
				t.Errorf("got %s, want %d", resp.Status, tc.want)
			}
			if got := resp.Header.Get("Server"); got != "EC2ws" {
				t.Errorf("Server: %s", got)
			}
		})
	}
}

func TestOnlyAHostThatMeansUsIsAnswered(t *testing.T) {
	h := newHost(t)
	h.Put(web())
	for host, want := range map[string]int{
		"169.254.169.254":              200,
		"169.254.169.254:80":           200,
		"169.254.169.254:":             200,
		"127.0.0.1:1338":               200,
		"[fd00:ec2::254]":              200,
		"[fd00:ec2::254]:80":           200,
		"localhost":                    200,
		"LocalHost:8474":               200,
		"instance-data":                200,
		"instance-data.ec2.internal":   200,
		"Instance-Data.EC2.internal:1": 200,

		"":                             403,
		"example.com":                  403,
		"localhost.example.com":        403,
		"169.254.169.254.nip.io":       403,
		"169.254.169.254:80.nip.io":    403,
		"instance-data.example.com":    403,
		"instance-data.ec2.internal.":  403,
		"2852039166":                   403, // browsers read it as 169.254.169.254
		"0xa9fea9fe":                   403,
		"[169.254.169.254]":            403,
		"[::1":                         403,
		"[::1]x":                       403,
		"[localhost]":                  403,
		"fd00:ec2::254":                403,
		"localhost:x":                  403,
		"localhost,169.254.169.254":    403,
		"example.com@169.254.169.254":  403,
		"169.254.169.254:80:x.example": 403,
	} {
		resp := h.ask(t, webID, "PUT "+tokenPath+" HTTP/1.1", "Host: "+host, ttlHeader+": 60")
		if resp.StatusCode != want {
			t.Errorf("Host %q: got %s, want %d", host, resp.Status, want)
		}
	}
	resp := h.ask(t, webID, "PUT "+tokenPath+" HTTP/1.0", ttlHeader+": 60")
	if resp.StatusCode != http.StatusOK {
		t.Errorf("HTTP/1.0 without Host: got %s", resp.Status)
	}
}
