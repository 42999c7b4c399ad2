package policy

import (
	"encoding/json"
	"math/rand/v2"
	"testing"
)

// stmt is a statement as data, which the properties can change.
type stmt map[string]any

func render(t testing.TB, statements []stmt) *Document {
	t.Helper()
	text, err := json.Marshal(map[string]any{"Statement": statements})
	if err != nil {
		t.Fatal(err)
	}
	return mustParse(t, Trust, string(text))
}

// randomStatement draws from so few values that statements meet often.
func randomStatement(r *rand.Rand) stmt {
	pick := func(choices ...any) any { return choices[r.IntN(len(choices))] }
	s := stmt{
		"Effect": pick("Allow", "Allow", "Deny"),
		pick("Action", "Action", "NotAction").(string): pick("sts:AssumeRole", "sts:*", "sts:Tag*", "sts:GetFederationToken"),
		pick("Principal", "Principal", "NotPrincipal").(string): pick("*", map[string]any{"AWS": account}, map[string]any{"AWS": bob},
			map[string]any{"AWS": []string{bob, account}}, map[string]any{"Service": "ec2.amazonaws.com"}),
	}
	if r.IntN(2) == 0 {
		conditions := map[string]any{}
		for range 1 + r.IntN(2) {
			operator := pick("StringEquals", "StringNotEquals", "StringLike", "StringNotLikeIfExists", "NumericLessThan", "NumericNotEquals", "Null").(string)
			value := pick("1", "2")
			if operator == "Null" {
				value = pick("true", "false")
			}
			conditions[operator] = map[string]any{pick("aws:a", "aws:b").(string): value}
		}
		s["Condition"] = conditions
	}
	return s
}

func randomRequest(r *rand.Rand) Request {
	context := map[string][]string{}
	for _, key := range []string{"aws:a", "aws:b"} {
		if values := [][]string{nil, {"1"}, {"2"}, {"x"}, {"1", "x"}}; r.IntN(3) > 0 {
			context[key] = values[r.IntN(len(values))]
		}
	}
	principals := []Principal{asBob, asRole, asService, asGoogle, {}}
	actions := []string{"sts:AssumeRole", "sts:TagSession"}
	return Request{Action: actions[r.IntN(2)], Principal: principals[r.IntN(len(principals))], Context: context}
}

// power orders results by what the caller gets.
func power(r Result) int {
	switch {
	case r.Decision != Allow:
		return 0
	case r.ByAccount:
		return 1
	}
	return 2
}

func TestEvaluationIsMonotonousAndDoesNotLookAtOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	decided := map[Decision]int{}
	for range 3_000 {
		var statements []stmt
		for range 1 + r.IntN(4) {
			statements = append(statements, randomStatement(r))
		}
		request := randomRequest(r)
		before := render(t, statements).Evaluate(request)
		decided[before.Decision]++

		deny := randomStatement(r)
		deny["Effect"] = "Deny"
		if after := render(t, append([]stmt{deny}, statements...)).Evaluate(request); power(after) > power(before) {
			t.Fatalf("a Deny more allows more: %v and %v for %+v", deny, statements, request)
		}

		shuffled := append([]stmt{}, statements...)
		r.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		after := render(t, shuffled).Evaluate(request)
		if after.Decision != before.Decision || after.ByAccount != before.ByAccount {
			t.Fatalf("order matters: %+v became %+v in %v", before, after, shuffled)
		}

		i := r.IntN(len(statements))
		wider := stmt{}
		for name, value := range statements[i] {
			if name != "Condition" {
				wider[name] = value
			}
		}
		changed := append([]stmt{}, statements...)
		changed[i] = wider
		after = render(t, changed).Evaluate(request)
		allow := wider["Effect"] == "Allow"
		if allow && power(after) < power(before) || !allow && power(after) > power(before) {
			t.Fatalf("without its condition %v has less effect: %+v became %+v", statements[i], before, after)
		}
	}
	for _, d := range []Decision{Allow, ImplicitDeny, ExplicitDeny} {
		if decided[d] < 200 {
			t.Errorf("only %d of the cases give %s: the properties see too little", decided[d], d)
		}
	}
}
