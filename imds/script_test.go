package imds_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/rolestore"
)

// Scripts are exchanges as a raw socket sees them, one connection after another:
//
//	# what is shown
//	> request line and headers      $TOKEN is the last token that was minted
//	< status line and headers       Date: $DATE
//	<
//	< body                          $TOKEN for a token
//
// The file's name says which instance is asked.

type exchange struct {
	line          int
	request, want []string
}

func parseScript(text string) (script []exchange) {
	for i, line := range strings.Split(text, "\n") {
		last := len(script) - 1
		switch mark, rest, _ := strings.Cut(line, " "); mark {
		case ">":
			if last < 0 || len(script[last].want) > 0 {
				script = append(script, exchange{line: i + 1})
				last++
			}
			script[last].request = append(script[last].request, rest)
		case "<":
			script[last].want = append(script[last].want, rest)
		}
	}
	return script
}

func TestScripts(t *testing.T) {
	none, optional, disabled, launched := web(), web(), web(), web()
	launched.PublicKeys = []rolestore.PublicKey{{Name: "web", Key: "ssh-ed25519 AAAA web"}}
	launched.UserData = []byte("#cloud-config\n{}\n")
	none.Profile.ARN, none.Profile.Role.ARN = "", ""
	optional.Options.HTTPTokens = "optional"
	disabled.Options.HTTPEndpoint = "disabled"
	for name, prepare := range map[string]func(*host){
		"required": func(h *host) { h.Put(web()); publish(h) },
		"optional": func(h *host) { h.Put(optional); publish(h) },
		"disabled": func(h *host) { h.Put(disabled); publish(h) },
		"no-role":  func(h *host) { h.Put(none) },
		"refused":  func(h *host) { h.Put(web()); h.Refuse(web()) },
		"pending":  func(h *host) { h.Put(web()) },
		"launched": func(h *host) { h.Put(launched) },
		"signed":   func(h *host) { h.Put(web()); h.PublishIdentity(web(), signed(web())) },
	} {
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join("..", "testdata", "imds", name+".txt"))
			if err != nil {
				t.Fatal(err)
			}
			h := newHost(t)
			prepare(h)
			play(t, h.listen(t, webID), parseScript(string(text)))
		})
	}
}

var (
	date   = regexp.MustCompile(`^Date: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$`)
	minted = regexp.MustCompile(`^[A-Za-z0-9+/]{54}==$`)
)

func play(t *testing.T, address string, script []exchange) {
	if len(script) == 0 {
		t.Fatal("an empty script")
	}
	token := ""
	for _, x := range script {
		c := dial(t, address)
		request := strings.Join(x.request, "\r\n") + "\r\n\r\n"
		send(t, c, strings.ReplaceAll(request, "$TOKEN", token))
		got, err := readLines(bufio.NewReader(c), strings.HasPrefix(request, "HEAD "))
		if err != nil {
			t.Fatalf("line %d: %v", x.line, err)
		}
		_ = c.Close()
		for i, line := range got {
			switch {
			case date.MatchString(line):
				got[i] = "Date: $DATE"
			case minted.MatchString(line):
				got[i], token = "$TOKEN", line
			}
		}
		if g, w := strings.Join(got, "\n"), strings.Join(x.want, "\n"); g != w {
			t.Errorf("line %d: %s: got\n%s\nwant\n%s", x.line, x.request[0], g, w)
		}
	}
}

// readLines reads one reply: its headers, an empty line and the lines of its
// body, of which there are none at all for HEAD.
func readLines(r *bufio.Reader, head bool) (lines []string, err error) {
	length := 0
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return nil, fmt.Errorf("after %q: %w", lines, err)
		}
		line = strings.TrimSuffix(line, "\r\n")
		lines = append(lines, line)
		if line == "" {
			break
		}
		if value, ok := strings.CutPrefix(line, "Content-Length: "); ok {
			length, _ = strconv.Atoi(value)
		}
	}
	if head || length == 0 {
		return lines, nil
	}
	body := make([]byte, length)
	if _, err := io.ReadFull(r, body); err != nil {
		return nil, err
	}
	return append(lines, strings.Split(string(body), "\n")...), nil
}
