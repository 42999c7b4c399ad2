package rolecall

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/rolecall/rolecall"

// room is what a package may import of this module, and what it must not import
// of others. A room stands for the rooms below it too, unless they have a line.
type room struct {
	may  []string
	pure bool // no network, no database, no gin, no clock but the one passed in
}

// rooms is the drawing. A new package needs a line here.
var rooms = map[string]room{
	"":                           {},
	"cmd/rolecall":               {may: []string{"cmd/rolecall/admin", "cmd/rolecall/cni", "cmd/rolecall/doctor", "imds", "imds/container", "imds/token", "network", "rolestore", "rolestore/hold", "rolestore/hosttoken", "rolestore/identity", "rolestore/rotate", "rolestore/seal", "rolestore/source", "rolestore/issuer", "rolestore/issuer/directory", "rolestore/issuer/hosts", "rolestore/issuer/oidc", "rolestore/issuer/sts"}},
	"cmd/rolecall/admin":         {may: []string{"rolestore", "rolestore/surface"}},
	"cmd/rolecall/doctor":        {may: []string{"cmd/rolecall/admin", "network/verdict", "rolestore"}},
	"cmd/rolecall/cni":           {may: []string{"cmd/rolecall/admin", "rolestore"}},
	"imds":                       {may: []string{"imds/container", "imds/token", "imds/tree", "rolestore", "rolestore/identity", "rolestore/surface"}},
	"imds/container":             {may: []string{"rolestore"}, pure: true},
	"imds/token":                 {pure: true},
	"imds/tree":                  {may: []string{"rolestore", "rolestore/identity"}, pure: true},
	"imds/tree/treetest":         {may: []string{"imds/tree", "rolestore"}},
	"network":                    {may: []string{"network/link", "network/steer"}},
	"network/link":               {},
	"network/steer":              {may: []string{"network/link"}},
	"network/verdict":            {},
	"network/nettest":            {},
	"network/nettest/firewall":   {may: []string{"network/nettest"}},
	"network/nettest/vmtest":     {may: []string{"network/nettest"}},
	"rolestore":                  {pure: true},
	"rolestore/seal":             {pure: true},
	"rolestore/hosttoken":        {pure: true},
	"rolestore/identity":         {may: []string{"rolestore"}, pure: true},
	"rolestore/surface":          {},
	"rolestore/dbfile":           {may: []string{"rolestore/seal"}},
	"rolestore/hold":             {may: []string{"rolestore", "rolestore/dbfile", "rolestore/identity", "rolestore/seal"}},
	"rolestore/rotate":           {may: []string{"rolestore"}, pure: true},
	"rolestore/source":           {may: []string{"rolestore", "rolestore/hosttoken", "rolestore/identity"}},
	"rolestore/issuer":           {may: []string{"rolestore/hosttoken", "rolestore/identity", "rolestore/issuer/oidc", "rolestore/issuer/directory", "rolestore/issuer/front", "rolestore/issuer/hosts", "rolestore/issuer/iam", "rolestore/issuer/session", "rolestore/issuer/sts", "rolestore/seal", "rolestore/surface", "rolestore/issuer/relying", "rolestore/verify/wire", "rolestore/issuer/caller", "rolestore/issuer/policy"}},
	"rolestore/issuer/front":     {may: []string{"rolestore/surface", "rolestore/issuer/caller", "rolestore/issuer/directory", "rolestore/issuer/query", "rolestore/issuer/sigv4"}},
	"rolestore/issuer/query":     {may: []string{"rolestore/issuer/sigv4"}},
	"rolestore/issuer/caller":    {may: []string{"rolestore/issuer/directory", "rolestore/issuer/hosts", "rolestore/issuer/policy", "rolestore/issuer/query", "rolestore/issuer/session", "rolestore/issuer/sigv4"}},
	"rolestore/issuer/sts":       {may: []string{"rolestore/issuer/oidc", "rolestore", "rolestore/hosttoken", "rolestore/issuer/caller", "rolestore/issuer/directory", "rolestore/issuer/front", "rolestore/issuer/hosts", "rolestore/issuer/policy", "rolestore/issuer/query", "rolestore/issuer/session", "rolestore/issuer/saml"}},
	"rolestore/issuer/iam":       {may: []string{"rolestore", "rolestore/issuer/caller", "rolestore/issuer/directory", "rolestore/issuer/front", "rolestore/issuer/policy", "rolestore/issuer/query", "rolestore/issuer/session"}},
	"rolestore/verify":           {may: []string{"rolestore/verify/wire"}},
	"rolestore/verify/wire":      {pure: true},
	"rolestore/issuer/relying":   {may: []string{"rolestore/surface", "rolestore/verify/wire", "rolestore/issuer/caller", "rolestore/issuer/directory", "rolestore/issuer/front", "rolestore/issuer/policy", "rolestore/issuer/query", "rolestore/issuer/sigv4"}},
	"rolestore/issuer/hosts":     {may: []string{"rolestore/hosttoken", "rolestore/identity", "rolestore/issuer/directory", "rolestore/issuer/policy", "rolestore/issuer/session"}},
	"rolestore/issuer/directory": {may: []string{"rolestore", "rolestore/dbfile", "rolestore/seal", "rolestore/issuer/directory/store", "rolestore/issuer/policy", "rolestore/issuer/session", "rolestore/issuer/saml"}},
	"rolestore/issuer/oidc":      {},
	"rolestore/issuer/policy":    {pure: true},
	"rolestore/issuer/saml":      {pure: true},
	"rolestore/issuer/session":   {may: []string{"rolestore"}, pure: true},
	"rolestore/issuer/sigv4":     {may: []string{"rolestore"}, pure: true},

	"rolestore/issuer/saml/samltest": {},

	"rolestore/issuer/directory/store":           {may: []string{"rolestore/dbfile"}},
	"rolestore/issuer/directory/store/storetest": {may: []string{"rolestore/issuer/directory/store"}},
}

// impure are the imports that a pure room must do without. net/http is left out:
// its Header and status codes are vocabulary.
var impure = []string{"net", "go.etcd.io/bbolt", "github.com/gin-gonic/gin", "github.com/vishvananda/netlink"}

const (
	maxFile     = 400 // lines; what is longer holds two concepts
	maxFunction = 80  // lines
	maxRoot     = 250 // lines of a file of the composition root
)

type listed struct {
	ImportPath string
	Dir        string
	Doc        string
	Imports    []string
	GoFiles    []string
	Module     struct{ Path string }
}

func packages(t *testing.T) map[string]listed {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-json", "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	found := map[string]listed{}
	for d := json.NewDecoder(bytes.NewReader(out)); d.More(); {
		var p listed
		if err := d.Decode(&p); err != nil {
			t.Fatal(err)
		}
		found[strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")] = p
	}
	return found
}

func TestArrows(t *testing.T) {
	found := packages(t)
	for name, p := range found {
		r, ok := rooms[name]
		if !ok {
			t.Errorf("%s is not in the drawing: add it to rooms, or put the code where it belongs", name)
			continue
		}
		for _, path := range p.Imports {
			if own, ok := strings.CutPrefix(path, module+"/"); ok && !slices.Contains(r.may, own) {
				t.Errorf("%s must not import %s", name, own)
			}
			if r.pure && slices.Contains(impure, path) {
				t.Errorf("%s is pure and must not import %s", name, path)
			}
		}
	}
	for name, r := range rooms {
		p, ok := found[name]
		if !ok {
			t.Errorf("room %s is in the drawing but not in the house", name)
		}
		for _, own := range r.may {
			if !slices.Contains(p.Imports, module+"/"+own) {
				t.Errorf("%s may import %s but does not: take the arrow away", name, own)
			}
		}
	}
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	for name, p := range packages(t) {
		if !slices.Contains(p.GoFiles, "doc.go") {
			t.Errorf("%s has no doc.go", name)
		}
		if len(p.Doc) < 40 {
			t.Errorf("%s has no package documentation to speak of", name)
		}
	}
}

func TestSizes(t *testing.T) {
	everyGoFile(t, func(path string, text []byte) {
		lines := bytes.Count(text, []byte("\n"))
		if lines > maxFile {
			t.Errorf("%s has %d lines, more than %d", path, lines, maxFile)
		}
		if strings.HasPrefix(path, "cmd/") && !strings.HasSuffix(path, "_test.go") && lines > maxRoot {
			t.Errorf("%s has %d lines, more than the %d of a composition root", path, lines, maxRoot)
		}
		if strings.HasSuffix(path, "_test.go") {
			return
		}
		files := token.NewFileSet()
		for _, d := range parse(t, files, path, text).Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			if n := files.Position(f.End()).Line - files.Position(f.Pos()).Line; n > maxFunction {
				t.Errorf("%s: %s has %d lines, more than %d", path, f.Name.Name, n, maxFunction)
			}
			if f.Name.Name == "init" {
				t.Errorf("%s: init hides what a program does at its start", path)
			}
		}
	})
}

// TestClocks keeps time.Now out of every room: it belongs to cmd, which passes it in, and
// to the samples, which are programs too.
func TestClocks(t *testing.T) {
	everyGoFile(t, func(path string, text []byte) {
		if strings.HasSuffix(path, "_test.go") || strings.HasPrefix(path, "cmd/") || strings.HasPrefix(path, "testdata/") || strings.HasPrefix(path, "network/nettest/") {
			return
		}
		ast.Inspect(parse(t, token.NewFileSet(), path, text), func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok {
				if x, ok := s.X.(*ast.Ident); ok && x.Name == "time" && slices.Contains([]string{"Now", "Since", "Until"}, s.Sel.Name) {
					t.Errorf("%s reads the clock: take a Now func() time.Time", path)
				}
			}
			return true
		})
	})
}

func parse(t *testing.T, files *token.FileSet, path string, text []byte) *ast.File {
	t.Helper()
	parsed, err := parser.ParseFile(files, path, text, 0)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func TestTopLevel(t *testing.T) {
	want := []string{
		"CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "Makefile", "README.md", "cmd", "doc.go", "go.mod", "go.sum",
		"imds", "layout_test.go", "network", "rolestore", "systemd", "testdata",
	}
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") && e.Name() != "bin" && !slices.Contains(want, e.Name()) {
			t.Errorf("%s does not belong at the top level", e.Name())
		}
	}
}

func everyGoFile(t *testing.T, visit func(path string, text []byte)) {
	t.Helper()
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && (d.Name() == "node_modules" || strings.HasPrefix(d.Name(), ".") && path != ".") {
			return errOrSkip(err)
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		text, err := os.ReadFile(path)
		if err == nil {
			visit(filepath.ToSlash(path), text)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func errOrSkip(err error) error {
	if err != nil {
		return err
	}
	return fs.SkipDir
}
