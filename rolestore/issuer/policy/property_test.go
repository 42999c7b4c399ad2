package policy

import (
	"encoding/json"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
)

// stmt is a statement as data, which the properties can change.
type stmt map[string]any

// world is policies of all types as data. A nil limit is not there.
type world struct {
	trust                       []stmt
	identity, boundary, session []stmt
}

func document(t testing.TB, kind Kind, statements []stmt) Policy {
	t.Helper()
	text, err := json.Marshal(map[string]any{"Version": version2012, "Statement": statements})
	if err != nil {
		t.Fatal(err)
	}
	return Policy{Document: mustParse(t, kind, string(text))}
}

func (w *world) evaluate(t testing.TB, r Request) Decision {
	t.Helper()
	var p Policies
	if len(w.trust) > 0 {
		trust := document(t, Trust, w.trust)
		p.Resource = &trust
	}
	set := func(statements []stmt) Set {
		s := Set{}
		for _, one := range statements { // each in a policy of its own
			s = append(s, document(t, Identity, []stmt{one}))
		}
		return s
	}
	p.Identity = set(w.identity)
	if w.boundary != nil {
		s := set(w.boundary)
		p.Boundary = &s
	}
	if w.session != nil {
		s := set(w.session)
		p.Session = &s
	}
	d := Evaluate(r, p)
	checkExplanation(t, r, p, d)
	checkSimulation(t, r, p, d)
	return d
}

// checkSimulation holds the decision against what a simulation says.
func checkSimulation(t testing.TB, r Request, p Policies, d Decision) {
	t.Helper()
	s := Simulate(r, p)
	if s.Effect != d.Effect || !slices.Equal(s.Lacking, d.Lacking) || !slices.Equal(s.Missing, d.Missing) {
		t.Fatalf("simulated it is %+v, else %+v", s.Decision, d)
	}
	limits, refused := false, false
	var applied []Match
	for _, f := range Explain(r, p) {
		if f.Applies && (f.Statement().Effect == "Deny") == (d.Effect == ExplicitDeny) {
			applied = append(applied, f.Match)
		}
		if f.Applies && f.Type == PermissionsBoundary {
			limits, refused = limits || f.Statement().Effect == "Allow", refused || f.Statement().Effect == "Deny"
		}
		for _, name := range f.Missing {
			if !slices.Contains(s.Wanted, name) {
				t.Fatalf("%s is missing, and not said to be wanted: %q", name, s.Wanted)
			}
		}
	}
	if !slices.Equal(s.Applied, applied) || s.Bounded != (limits && !refused) {
		t.Fatalf("applied are %+v, bounded %t; explained %+v", s.Applied, s.Bounded, applied)
	}
}

// checkExplanation holds the decision against what each statement has to say.
func checkExplanation(t testing.TB, r Request, p Policies, d Decision) {
	t.Helper()
	denies, allows := false, map[Type]bool{}
	for _, f := range Explain(r, p) {
		if f.Applies != (f.Element == "") || f.Element != "Condition" && len(f.Conditions) > 0 {
			t.Fatalf("an odd finding %+v", f)
		}
		denies = denies || f.Applies && f.Statement().Effect == "Deny"
		allows[f.Type] = allows[f.Type] || f.Applies && f.Statement().Effect == "Allow"
	}
	if denies != (d.Effect == ExplicitDeny) || d.Allowed() != (d.Because("a:b") == "") {
		t.Fatalf("got %+v, explained by %+v", d, Explain(r, p))
	}
	for _, lacking := range d.Lacking {
		if allows[lacking] && (lacking != ResourceBased || r.Principal.Account != "") {
			t.Fatalf("the %s is lacking in %+v, explained by %+v", lacking, d, Explain(r, p))
		}
	}
}

type random struct{ *rand.Rand }

func (r random) pick(choices ...any) any { return choices[r.IntN(len(choices))] }

// statement draws from so few values that statements meet often.
func (r random) statement(kind Kind) stmt {
	s := stmt{
		"Effect": r.pick("Allow", "Allow", "Allow", "Deny"),
		r.pick("Action", "Action", "NotAction").(string): r.pick("sts:AssumeRole", "sts:*", "sts:Tag*", []string{"sts:GetFederationToken", "sts:AssumeRole"}),
	}
	if kind == Trust {
		s[r.pick("Principal", "Principal", "Principal", "NotPrincipal").(string)] = r.pick("*", map[string]any{"AWS": account}, map[string]any{"AWS": bob}, map[string]any{"AWS": role},
			map[string]any{"AWS": []string{session, role, account}}, map[string]any{"AWS": session}, map[string]any{"AWS": "999999999999"},
			map[string]any{"AWS": []string{bob, account}}, map[string]any{"Service": "ec2.amazonaws.com"})
	} else {
		s[r.pick("Resource", "Resource", "Resource", "NotResource").(string)] = r.pick("*", target, "arn:aws:iam::*:role/${aws:b}", "arn:aws:iam::123456789012:role/x")
	}
	if r.IntN(2) == 0 {
		conditions := map[string]any{}
		for range 1 + r.IntN(2) {
			operator := r.pick("StringEquals", "StringNotEquals", "StringLike", "StringNotLikeIfExists", "NumericLessThan", "NumericNotEquals",
				"ForAllValues:StringEquals", "ForAnyValue:StringNotEquals", "Null").(string)
			value := r.pick("1", "2", "1")
			switch operator {
			case "Null":
				value = r.pick("true", "false")
			case "StringEquals", "StringLike":
				value = r.pick("1", "2", "${aws:b}", "${aws:b, '1'}")
			}
			conditions[operator] = map[string]any{r.pick("aws:a", "aws:b").(string): value}
		}
		s["Condition"] = conditions
	}
	return s
}

func (r random) statements(kind Kind, least int) []stmt {
	list := []stmt{}
	for range least + r.IntN(4) {
		list = append(list, r.statement(kind))
	}
	return list
}

func (r random) world() *world {
	w := &world{trust: r.statements(Trust, 1), identity: r.statements(Identity, 0)}
	if r.IntN(3) == 0 {
		w.boundary = r.statements(Identity, 1)
	}
	if r.IntN(3) == 0 {
		w.session = r.statements(Identity, 1)
	}
	return w
}

func (r random) request() Request {
	context := NewContext()
	for _, key := range []string{"aws:a", "aws:b"} {
		if values := [][]string{{"1"}, {"2"}, {"x"}, {"target"}, {"1", "x"}}; r.IntN(3) > 0 {
			if v := values[r.IntN(len(values))]; len(v) == 1 {
				context.Set(key, v[0])
			} else {
				context.SetAll(key, v)
			}
		}
	}
	callers := []Principal{asBob, asRole, asRole, asSusan, asRoot, asEve, asService, asGoogle, {}}
	return Request{Action: r.pick("sts:AssumeRole", "sts:TagSession").(string), Resource: target, Principal: callers[r.IntN(len(callers))], Context: context}
}

// lists are the places where statements are; limits that are not there are left out.
func (w *world) lists() map[Kind][]*[]stmt {
	lists := map[Kind][]*[]stmt{Trust: {&w.trust}, Identity: {&w.identity}}
	for _, limit := range []*[]stmt{&w.boundary, &w.session} {
		if *limit != nil {
			lists[Identity] = append(lists[Identity], limit)
		}
	}
	return lists
}

func (w *world) clone() *world {
	return &world{slices.Clone(w.trust), slices.Clone(w.identity), slices.Clone(w.boundary), slices.Clone(w.session)}
}

// somewhere picks one of the lists.
func (r random) somewhere(w *world) (Kind, *[]stmt) {
	kind := r.pick(Trust, Identity, Identity).(Kind)
	lists := w.lists()[kind]
	return kind, lists[r.IntN(len(lists))]
}

func TestEvaluationIsMonotonousAndDoesNotLookAtOrder(t *testing.T) {
	r := random{rand.New(rand.NewPCG(1, 2))}
	decided := map[Effect]int{}
	for range 2_000 {
		w, request := r.world(), r.request()
		before := w.evaluate(t, request)
		decided[before.Effect]++
		r.checkDeny(t, w, request, before)
		r.checkAllow(t, w, request, before)
		r.checkLimits(t, w, request, before)
		r.checkCondition(t, w, request, before)
		r.checkOrder(t, w, request, before)
	}
	for _, e := range []Effect{Allow, ImplicitDeny, ExplicitDeny} {
		if decided[e] < 150 {
			t.Errorf("only %d of the cases give %s: the properties see too little", decided[e], e)
		}
	}
}

// A Deny more allows nothing more.
func (r random) checkDeny(t *testing.T, w *world, request Request, before Decision) {
	w = w.clone()
	kind, list := r.somewhere(w)
	deny := r.statement(kind)
	deny["Effect"] = "Deny"
	*list = append([]stmt{deny}, *list...)
	if after := w.evaluate(t, request); after.Allowed() && !before.Allowed() || before.Effect == ExplicitDeny && after.Effect != ExplicitDeny {
		t.Fatalf("%v more allows more: %+v for %+v", deny, w, request)
	}
}

// An Allow more denies nothing.
func (r random) checkAllow(t *testing.T, w *world, request Request, before Decision) {
	w = w.clone()
	kind, list := r.somewhere(w)
	allow := r.statement(kind)
	allow["Effect"] = "Allow"
	*list = append(*list, allow)
	if after := w.evaluate(t, request); before.Allowed() && !after.Allowed() {
		t.Fatalf("%v more allows less: %+v for %+v", allow, w, request)
	}
}

// A boundary or a session policy where there was none allows nothing more, but to
// a federated user, who has nothing without.
func (r random) checkLimits(t *testing.T, w *world, request Request, before Decision) {
	w = w.clone()
	switch {
	case w.boundary == nil:
		w.boundary = r.statements(Identity, 0)
	case w.session == nil && !request.Principal.isFederatedUser():
		w.session = r.statements(Identity, 0)
	default:
		return
	}
	if after := w.evaluate(t, request); after.Allowed() && !before.Allowed() {
		t.Fatalf("a limit allows more: %+v for %+v", w, request)
	}
}

// Without its condition, a statement has not less effect.
func (r random) checkCondition(t *testing.T, w *world, request Request, before Decision) {
	w = w.clone()
	_, list := r.somewhere(w)
	if len(*list) == 0 {
		return
	}
	i := r.IntN(len(*list))
	wider := maps.Clone((*list)[i])
	delete(wider, "Condition")
	(*list)[i] = wider
	after := w.evaluate(t, request)
	if wider["Effect"] == "Allow" && before.Allowed() && !after.Allowed() || wider["Effect"] == "Deny" && after.Allowed() && !before.Allowed() {
		t.Fatalf("without its condition %v has less effect: %+v for %+v", wider, w, request)
	}
}

func (r random) checkOrder(t *testing.T, w *world, request Request, before Decision) {
	w = w.clone()
	for _, lists := range w.lists() {
		for _, list := range lists {
			r.Shuffle(len(*list), func(i, j int) { (*list)[i], (*list)[j] = (*list)[j], (*list)[i] })
		}
	}
	after := w.evaluate(t, request)
	if after.Effect != before.Effect || !slices.Equal(after.Lacking, before.Lacking) ||
		after.Effect == ImplicitDeny && !slices.Equal(after.Missing, before.Missing) {
		t.Fatalf("order matters: %+v became %+v in %+v", before, after, w)
	}
}
