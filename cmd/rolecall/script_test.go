package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A script of testdata/imds says what a guest's socket sends and sees, byte by byte:
//
//	# what the file is about
//	= the instance as its operator defines it, YAML
//	! an event that it is told, as rolecall instance event takes it
//
//	# what is shown
//	> request line and headers      $TOKEN is the last token that was minted, $FIRST the first
//	< status line, headers          Date: $DATE, and so on for what changes
//	<
//	< body
//
// Exchanges without an empty line between them go over one connection. What is sent ends
// with an empty line, even if the script has none; a body, or a second request, follows
// one. In it \xff is a byte and {a*3} is aaa. A reply that says that the connection is
// closed is the last.
type script struct {
	path                      string
	comment, instance, events []string
	connections               [][]*exchange
}

type exchange struct {
	line                   int
	comment, request, want []string
}

func readScript(t *testing.T, path string) *script {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s := &script{path: path}
	var comment []string
	var now *exchange
	apart := true // the next exchange has a connection of its own
	for i, line := range strings.Split(strings.TrimSuffix(string(text), "\n"), "\n") {
		mark, rest, _ := strings.Cut(line, " ")
		switch mark {
		case "":
			if now == nil {
				s.comment, comment = append(s.comment, comment...), nil
			}
			apart = true
		case "#":
			comment = append(comment, rest)
		case "=":
			s.instance = append(s.instance, rest)
		case "!":
			s.events = append(s.events, rest)
		case ">":
			if now == nil || apart || len(now.want) > 0 {
				now = &exchange{line: i + 1, comment: comment}
				comment = nil
				if apart {
					s.connections = append(s.connections, nil)
				}
				last := &s.connections[len(s.connections)-1]
				*last, apart = append(*last, now), false
			}
			now.request = append(now.request, rest)
		case "<":
			now.want = append(now.want, rest)
		default:
			t.Fatalf("%s:%d is no line of a script: %s", path, i+1, line)
		}
	}
	return s
}

// write puts the script back, with what it wants now.
func (s *script) write(t *testing.T) {
	t.Helper()
	var b strings.Builder
	put := func(mark string, lines []string) {
		for _, line := range lines {
			b.WriteString(strings.TrimRight(mark+" "+line, " ") + "\n")
		}
	}
	put("#", s.comment)
	put("=", s.instance)
	put("!", s.events)
	for _, c := range s.connections {
		b.WriteByte('\n')
		for _, x := range c {
			put("#", x.comment)
			put(">", x.request)
			put("<", x.want)
		}
	}
	if err := os.WriteFile(s.path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
}

var (
	startLine = regexp.MustCompile(`^([A-Z]+) .*HTTP/1\.[01]$`)
	byteOf    = regexp.MustCompile(`\\x[0-9a-f]{2}`)
	repeated  = regexp.MustCompile(`\{(.+)\*(\d+)\}`)
)

// raw is what x sends.
func (x *exchange) raw(first, token string) string {
	text := strings.Join(x.request, "\r\n") + "\r\n"
	if x.request[len(x.request)-1] != "" {
		text += "\r\n"
	}
	text = strings.NewReplacer("$FIRST", first, "$TOKEN", token).Replace(text)
	text = repeated.ReplaceAllStringFunc(text, func(s string) string {
		m := repeated.FindStringSubmatch(s)
		n, _ := strconv.Atoi(m[2])
		return strings.Repeat(m[1], n)
	})
	return byteOf.ReplaceAllStringFunc(text, func(s string) string {
		n, _ := strconv.ParseUint(s[2:], 16, 8)
		return string([]byte{byte(n)})
	})
}

// methods are those of the requests in x.
func (x *exchange) methods() []string {
	methods := []string{strings.Fields(x.request[0] + " ?")[0]}
	for i, line := range x.request[1:] {
		if m := startLine.FindStringSubmatch(line); m != nil && x.request[i] == "" {
			methods = append(methods, m[1])
		}
	}
	return methods
}

// readReply reads one reply: its headers, an empty line and the lines of its body, of
// which there are none at all for HEAD. closes says that it is the connection's last.
func readReply(r *bufio.Reader, method string) (lines []string, closes bool, err error) {
	length := -1
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return nil, false, fmt.Errorf("after %q: %w", lines, err)
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
	closes = slices.Contains(lines, "Connection: close") ||
		strings.HasPrefix(lines[0], "HTTP/1.0") && !slices.Contains(lines, "Connection: keep-alive")
	var body []byte
	switch {
	case method == "HEAD":
	case length < 0:
		body, err = io.ReadAll(r)
	default:
		body = make([]byte, length)
		_, err = io.ReadFull(r, body)
	}
	if len(body) > 0 {
		lines = append(lines, strings.Split(string(body), "\n")...)
	}
	return lines, closes, err
}

// ended returns an error if the other side has not closed the connection.
func ended(r *bufio.Reader) error {
	if b, err := r.ReadByte(); err == nil {
		return fmt.Errorf("%q follows the last reply", b)
	} else if !errors.Is(err, io.EOF) {
		return fmt.Errorf("the connection is open: %w", err)
	}
	return nil
}
