package main

import (
	"slices"
	"strings"
	"testing"
)

// checkTree holds the script of the whole tree against what a guest finds by the lists
// alone, beginning at /latest/: each path has an exchange. With -record it is given those.
func (h *house) checkTree(t *testing.T, s *script) {
	t.Helper()
	found := h.crawl(t, "/latest/")
	if *record {
		put := s.connections[0]
		s.connections = [][]*exchange{put}
		for _, path := range found {
			s.connections = append(s.connections, []*exchange{{request: []string{
				"GET " + path + " HTTP/1.1", "Host: 169.254.169.254", "X-aws-ec2-metadata-token: $TOKEN"}}})
		}
		return
	}
	var has []string
	for _, c := range s.connections[1:] {
		has = append(has, strings.Fields(c[0].request[0])[1])
	}
	if !slices.Equal(has, found) {
		t.Errorf("the tree has\n%s\nand the script\n%s\ngo test ./cmd/rolecall -run TestScripts -record writes it anew",
			strings.Join(found, "\n"), strings.Join(has, "\n"))
	}
}

// crawl returns a directory and all that is listed below it, as cloud-init does.
func (h *house) crawl(t *testing.T, path string) []string {
	t.Helper()
	status, list, err := h.request("GET", metadata+path, "X-aws-ec2-metadata-token", h.token())
	if err != nil || status != 200 {
		t.Errorf("%s is listed and answers %d, %v", path, status, err)
	}
	if !strings.HasSuffix(path, "/") {
		return []string{path}
	}
	found := []string{path}
	for _, entry := range strings.Split(list, "\n") {
		number, _, isKey := strings.Cut(entry, "=")
		switch {
		case path == "/latest/" && entry != "user-data", path == "/latest/dynamic/" && !strings.HasSuffix(entry, "/"):
			entry += "/" // categories are listed without
		case isKey && strings.HasSuffix(path, "/public-keys/"):
			entry = number + "/"
		}
		found = append(found, h.crawl(t, path+entry)...)
	}
	return found
}
