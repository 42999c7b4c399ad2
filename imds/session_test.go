package imds_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/imds/token"
	"github.com/rolecall/rolecall/rolestore"
)

func TestTTLIsFromOneToSixHours(t *testing.T) {
	h := newHost(t)
	h.Put(web())
	for name, tc := range map[string]struct {
		headers []string
		want    int
	}{
		"the shortest":      {[]string{ttlHeader + ": 1"}, 200},
		"the longest":       {[]string{ttlHeader + ": 21600"}, 200},
		"blanks around":     {[]string{ttlHeader + ":   300  "}, 200},
		"in another case":   {[]string{"X-AWS-EC2-METADATA-TOKEN-TTL-SECONDS: 300"}, 200},
		"missing":           {nil, 400},
		"empty":             {[]string{ttlHeader + ":"}, 400},
		"zero":              {[]string{ttlHeader + ": 0"}, 400},
		"too long":          {[]string{ttlHeader + ": 21601"}, 400},
		"negative":          {[]string{ttlHeader + ": -1"}, 400},
		"signed":            {[]string{ttlHeader + ": +300"}, 400},
		"fractional":        {[]string{ttlHeader + ": 300.0"}, 400},
		"hexadecimal":       {[]string{ttlHeader + ": 0x10"}, 400},
		"beyond 16 bits":    {[]string{ttlHeader + ": 65837"}, 400}, // 65536 + 301
		"beyond 64 bits":    {[]string{ttlHeader + ": 18446744073709551917"}, 400},
		"twice":             {[]string{ttlHeader + ": 300", ttlHeader + ": 300"}, 400},
		"a list":            {[]string{ttlHeader + ": 300, 300"}, 400},
		"in the other name": {[]string{sessHeader + ": 300"}, 400},
	} {
		t.Run(name, func(t *testing.T) {
			resp := h.ask(t, webID, append([]string{"PUT " + tokenPath + " HTTP/1.1", hostIP}, tc.headers...)...)
			if resp.StatusCode != tc.want {
				t.Errorf("got %s, want %d", resp.Status, tc.want)
			}
			if tc.want == 200 && resp.Header.Get(ttlHeader) != strings.TrimSpace(tc.headers[0][len(ttlHeader)+1:]) {
				t.Errorf("ttl of the reply is %q", resp.Header.Get(ttlHeader))
			}
		})
	}
}

func TestTokenLivesAsLongAsItsTTL(t *testing.T) {
	h := newHost(t)
	h.Put(web())
	tok := h.token(t, webID) // 60 s
	ask := func() int {
		return h.ask(t, webID, "GET "+listPath+" HTTP/1.1", hostIP, sessHeader+": "+tok).StatusCode
	}
	h.sleep(59 * time.Second)
	if got := ask(); got != http.StatusOK {
		t.Errorf("after 59 s: %d", got)
	}
	h.sleep(time.Second)
	if got := ask(); got != http.StatusUnauthorized {
		t.Errorf("after 60 s: %d", got)
	}
	if r, _ := h.LastRefusal(webID); r.Reason != token.ErrExpired.Error() {
		t.Errorf("reason: %q", r.Reason)
	}
}

func TestTokenIsOfOneInstance(t *testing.T) {
	h := newHost(t)
	h.Put(web())
	h.Put(db())
	webAddr, dbAddr := h.listen(t, webID), h.listen(t, dbID)
	for _, from := range []string{webAddr, dbAddr} {
		tok := mint(t, from)
		for _, at := range []string{webAddr, dbAddr} {
			want := http.StatusUnauthorized
			if at == from {
				want = http.StatusOK
			}
			r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+at+"/latest/meta-data/instance-id", nil)
			r.Header.Set(sessHeader, tok)
			resp, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode != want {
				t.Errorf("token from %s at %s: got %s, want %d", from, at, resp.Status, want)
			}
			_ = resp.Body.Close()
		}
	}
	if r, _ := h.LastRefusal(dbID); r.Reason != token.ErrForeign.Error() {
		t.Errorf("reason: %q", r.Reason)
	}
}

// mint gets a token over the wire.
func mint(t testing.TB, address string) string {
	t.Helper()
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodPut, "http://"+address+tokenPath, nil)
	r.Header.Set(ttlHeader, "60")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	return body(t, resp)
}

func TestTokenEndsWithItsIncarnation(t *testing.T) {
	h := newHost(t)
	h.Put(web())
	tok := h.token(t, webID)
	again := web()
	again.Incarnation = rolestore.Incarnation{2}
	h.Put(again)
	if resp := h.ask(t, webID, "GET "+listPath+" HTTP/1.1", hostIP, sessHeader+": "+tok); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("got %s", resp.Status)
	}
}
