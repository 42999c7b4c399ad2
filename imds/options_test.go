package imds_test

import (
	"bufio"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/rolestore"
)

// TestOptionsTakeEffectAtTheNextRequest changes what an instance's metadata service does
// while one of its connections stays open, which notices with its next request, as does
// a token that was given before.
func TestOptionsTakeEffectAtTheNextRequest(t *testing.T) {
	h := newHost(t)
	i := web()
	h.Put(i)
	conn := dial(t, h.listen(t, webID))
	replies := bufio.NewReader(conn)
	ask := func(lines ...string) (int, string) {
		t.Helper()
		if _, err := fmt.Fprint(conn, strings.Join(append(lines, hostIP), "\r\n")+"\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(replies, nil)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, body(t, resp)
	}
	const path = "GET /latest/meta-data/instance-id HTTP/1.1"
	_, token := ask("PUT "+tokenPath+" HTTP/1.1", ttlHeader+": 60")
	for _, step := range []struct {
		endpoint, tokens  string
		with, without, of int // the statuses: with a token, without one, and of a PUT for one
	}{
		{"enabled", "required", 200, 401, 200},
		{"enabled", "optional", 200, 200, 200},
		{"disabled", "optional", 403, 403, 403},
		{"disabled", "required", 403, 403, 403},
		{"enabled", "required", 200, 401, 200},
	} {
		i.Options = rolestore.DefaultMetadataOptions()
		i.Options.HTTPEndpoint, i.Options.HTTPTokens = step.endpoint, step.tokens
		h.Put(i)
		with, _ := ask(path, sessHeader+": "+token)
		without, _ := ask(path)
		of, _ := ask("PUT "+tokenPath+" HTTP/1.1", ttlHeader+": 60")
		if with != step.with || without != step.without || of != step.of {
			t.Errorf("http_endpoint %s, http_tokens %s: %d with a token, %d without, %d for a PUT; want %d, %d, %d",
				step.endpoint, step.tokens, with, without, of, step.with, step.without, step.of)
		}
	}
}

// TestTagsComeAndGoWithTheNextRequest, too.
func TestTagsComeAndGoWithTheNextRequest(t *testing.T) {
	h := newHost(t)
	i := web()
	i.Tags = map[string]string{"Name": "web-1"}
	const path = "/latest/meta-data/tags/instance/Name"
	for range 2 {
		for option, want := range map[string]int{"enabled": http.StatusOK, "disabled": http.StatusNotFound} {
			i.Options.InstanceMetadataTags = option
			h.Put(i)
			resp := h.get(t, path)
			if got := body(t, resp); resp.StatusCode != want || want == http.StatusOK && got != "web-1" {
				t.Errorf("instance_metadata_tags %s: %s %q", option, resp.Status, got)
			}
		}
	}
}
