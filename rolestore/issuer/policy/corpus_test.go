package policy

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// corpus is where the cases are; its README says how they are written.
const corpus = "../../../testdata/policy"

// corpusGroup is a group of cases about the same policies.
type corpusGroup struct {
	Name, Source      string
	Trust, Resource   string
	Identity          []string
	Boundary, Session *[]string
	Requests          []corpusRequest
	Invalid           string
}

type corpusRequest struct {
	As, Do, On, Owner string
	With              map[string]corpusValues
	Want, By, Because string
	Missing           []string
}

// corpusValues are those of a condition key; a list makes it one of several.
type corpusValues struct {
	list []string
	many bool
}

func (v *corpusValues) UnmarshalYAML(node *yaml.Node) error {
	if v.many = node.Kind == yaml.SequenceNode; v.many {
		return node.Decode(&v.list)
	}
	v.list = []string{""}
	return node.Decode(&v.list[0])
}

type corpusCaller struct{ Account, ARN, ID, Session, Service, Federated string }

func readYAML(t testing.TB, path string, into any) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	d := yaml.NewDecoder(file)
	d.KnownFields(true)
	if err := d.Decode(into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

func readCallers(t testing.TB) map[string]Principal {
	var read map[string]corpusCaller
	readYAML(t, filepath.Join(corpus, "callers.yaml"), &read)
	callers := map[string]Principal{}
	for name, c := range read {
		callers[name] = Principal{c.Account, c.ARN, c.ID, c.Session, c.Service, c.Federated}
	}
	return callers
}

// readCorpus returns the groups of all files, by the files' names.
func readCorpus(t testing.TB) map[string][]corpusGroup {
	paths, err := filepath.Glob(filepath.Join(corpus, "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]corpusGroup{}
	for _, path := range paths {
		if name := filepath.Base(path); name != "callers.yaml" {
			var groups []corpusGroup
			readYAML(t, path, &groups)
			files[name] = groups
		}
	}
	return files
}

// whole makes a document of statements alone.
func whole(text string) string {
	if strings.Contains(text, `"Statement"`) {
		return text
	}
	return `{"Version":"2012-10-17","Statement":` + text + `}`
}

// texts yields the documents of a group.
func (g *corpusGroup) texts(yield func(Kind, string) bool) {
	type one struct {
		kind Kind
		text string
	}
	all := []one{{Trust, g.Trust}, {Resource, g.Resource}}
	for _, texts := range []*[]string{&g.Identity, g.Boundary, g.Session} {
		if texts != nil {
			for _, text := range *texts {
				all = append(all, one{Identity, text})
			}
		}
	}
	for _, d := range all {
		if d.text != "" && !yield(d.kind, whole(d.text)) {
			return
		}
	}
}

func (g *corpusGroup) policies(t testing.TB) (p Policies) {
	set := func(texts []string) Set {
		s := Set{}
		for _, text := range texts {
			s = append(s, Policy{Document: mustParse(t, Identity, whole(text))})
		}
		return s
	}
	limit := func(texts *[]string) *Set {
		if texts == nil {
			return nil
		}
		s := set(*texts)
		return &s
	}
	if g.Trust != "" {
		p.Resource = &Policy{Document: mustParse(t, Trust, whole(g.Trust))}
	} else if g.Resource != "" {
		p.Resource = &Policy{Document: mustParse(t, Resource, whole(g.Resource))}
	}
	p.Identity, p.Boundary, p.Session = set(g.Identity), limit(g.Boundary), limit(g.Session)
	return p
}

func (c *corpusRequest) request(t testing.TB, g *corpusGroup, callers map[string]Principal) Request {
	caller, ok := callers[c.As]
	if !ok {
		t.Fatalf("%s: nobody is %q", g.Name, c.As)
	}
	r := Request{Principal: caller, Action: c.Do, Resource: c.On, Owner: c.Owner, Context: NewContext()}
	if g.Trust != "" && r.Action == "" {
		r.Action = "sts:AssumeRole"
	}
	if g.Trust != "" && r.Resource == "" {
		r.Resource = "arn:aws:iam::123456789012:role/target"
	}
	for key, v := range c.With {
		if v.many {
			r.Context.SetAll(key, v.list)
		} else {
			r.Context.Set(key, v.list[0])
		}
	}
	return r
}

func TestEvaluateAgreesWithAWS(t *testing.T) {
	callers := readCallers(t)
	cases := 0
	for file, groups := range readCorpus(t) {
		for _, g := range groups {
			if _, source, _ := strings.Cut(g.Source, ": "); !strings.HasPrefix(g.Source, "https://") && (source == "" || strings.HasPrefix(g.Source, "inferred: ") != strings.HasPrefix(source, "https://")) {
				t.Errorf("%s: %s has no source", file, g.Name)
			}
			t.Run(strings.TrimSuffix(file, ".yaml")+"/"+g.Name, func(t *testing.T) {
				if g.Invalid != "" {
					cases++
					checkInvalid(t, &g)
					return
				}
				p := g.policies(t)
				for i, c := range g.Requests {
					cases++
					checkDecision(t, i, &c, c.request(t, &g, callers), p)
				}
				if len(g.Requests) == 0 {
					t.Error("the group asks nothing")
				}
			})
		}
	}
	if cases < 300 {
		t.Errorf("the corpus has only %d cases", cases)
	}
}

func checkInvalid(t *testing.T, g *corpusGroup) {
	t.Helper()
	for kind, text := range g.texts {
		_, err := Parse(kind, []byte(text))
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("got %v for %s", err, text)
		} else if e.Message != g.Invalid {
			t.Errorf("got  %s\nwant %s", e.Message, g.Invalid)
		}
	}
}

func checkDecision(t *testing.T, i int, c *corpusRequest, r Request, p Policies) {
	t.Helper()
	want := map[string]Effect{"allow": Allow, "implicit": ImplicitDeny, "explicit": ExplicitDeny}
	effect, ok := want[c.Want]
	d := Evaluate(r, p)
	if !ok || d.Effect != effect {
		t.Errorf("request %d by %s: got %s, want %s", i, c.As, d.Effect, c.Want)
	}
	if c.By != "" && !slices.ContainsFunc(d.Statements, func(m Match) bool { return m.Statement().Sid == c.By }) {
		t.Errorf("request %d by %s: decided by %v, want %s", i, c.As, d.Statements, c.By)
	}
	if got := d.Because(r.Action); c.Because != "" && got != c.Because {
		t.Errorf("request %d by %s: got %q, want %q", i, c.As, got, c.Because)
	}
	if c.Missing != nil && !slices.Equal(d.Missing, c.Missing) {
		t.Errorf("request %d by %s: misses %q, want %q", i, c.As, d.Missing, c.Missing)
	}
}
