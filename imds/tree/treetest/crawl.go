package treetest

import (
	"strconv"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/imds/tree"
)

// Crawl follows every listing of a version, and returns what it was answered, by the path
// below the version. What is listed and does not answer, and what is empty, fails the
// test: cloud-init keeps nothing of a tree in which there is one such path.
func Crawl(t testing.TB, tr *tree.Tree, version string) map[string]tree.Node {
	t.Helper()
	c := &crawl{t: t, tree: tr, version: version, found: map[string]tree.Node{}}
	for _, category := range c.list("") { // these are listed without slashes
		if n := c.ask(category); n.Directory {
			c.follow(category)
		}
	}
	return c.found
}

type crawl struct {
	t       testing.TB
	tree    *tree.Tree
	version string
	found   map[string]tree.Node
}

func (c *crawl) ask(path string) tree.Node {
	c.t.Helper()
	n, ok := c.tree.Lookup("/" + c.version + "/" + path)
	if !ok {
		c.t.Fatalf("%s lists %q, which does not answer", c.version, path)
	}
	text := string(n.Body)
	path = strings.Trim(path, "/")
	switch {
	case n.Kind != tree.Text: // what the server fills in, or of no known form
	case text == "" && !strings.HasPrefix(path, "meta-data/tags/instance/"): // a tag may have no value
		c.t.Fatalf("%s lists %q, which is empty", c.version, path)
	case strings.HasPrefix(text, "\n") || strings.HasSuffix(text, "\n") || strings.Contains(text, "\n\n"):
		c.t.Fatalf("%s: %q has an empty line: %q", c.version, path, text)
	}
	c.found[path] = n
	return n
}

// list is what the directory at path lists, as cloud-init reads it.
func (c *crawl) list(path string) []string {
	c.t.Helper()
	n := c.ask(path)
	if !n.Directory {
		c.t.Fatalf("%s lists %q as a directory, which it is not", c.version, path)
	}
	var names []string
	for line := range strings.Lines(string(n.Body)) {
		if name := strings.TrimSpace(line); name != strings.TrimSuffix(line, "\n") || strings.Trim(name, "/") == "" {
			c.t.Fatalf("%s: %q lists %q", c.version, path, line)
		} else {
			names = append(names, name)
		}
	}
	return names
}

// follow asks for everything below a directory.
func (c *crawl) follow(path string) {
	c.t.Helper()
	for _, name := range c.list(path + "/") {
		below := path + "/" + strings.TrimSuffix(name, "/")
		number, _, named := strings.Cut(name, "=")
		_, err := strconv.Atoi(number)
		switch {
		case strings.HasSuffix(name, "/"):
			c.follow(below)
		case named && err == nil && !strings.HasPrefix(path, "meta-data/iam/"): // there it does not look
			c.follow(path + "/" + number) // a public key, which is openssh-key below its number
		case c.ask(below).Directory:
			c.t.Fatalf("%s lists the directory %q as a leaf", c.version, below)
		}
	}
}
