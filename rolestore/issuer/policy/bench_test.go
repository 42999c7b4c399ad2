package policy

import (
	"fmt"
	"strings"
	"testing"
)

// benchmarkPolicies are 10 of 20 statements, as a user with many has them; none but
// the last statement of the last applies to benchmarkRequest.
func benchmarkPolicies(b *testing.B) Set {
	var set Set
	for i := range 10 {
		var statements []string
		for j := range 20 {
			statements = append(statements, fmt.Sprintf(`{"Effect":"Allow","Action":["s3:Get*","s3:List*","sts:AssumeRole"],
				"Resource":["arn:aws:iam::123456789012:role/team-%d-%d-*","arn:aws:s3:::bucket-%d/*"],
				"Condition":{"StringEquals":{"aws:PrincipalTag/team":"t%d"},"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}}`, i, j, j, i))
		}
		set = append(set, one(mustParse(b, Identity, `{"Version":"2012-10-17","Statement":[`+strings.Join(statements, ",")+`]}`))...)
	}
	return set
}

func benchmarkRequest() Request {
	return Request{
		Principal: Principal{Account: "999999999999", ARN: "arn:aws:iam::999999999999:user/Eve"},
		Action:    "sts:AssumeRole", Resource: "arn:aws:iam::123456789012:role/team-9-19-web",
		Context: contextOf("aws:PrincipalTag/team", "t9", "aws:SourceIp", "10.1.2.3"),
	}
}

const benchmarkTrust = `{"Version":"2012-10-17","Statement":[{"Sid":"A","Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":"ec2.amazonaws.com"}},
	{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":"999999999999"},"Condition":{"StringEquals":{"aws:PrincipalTag/team":"t9"}}}]}`

func BenchmarkEvaluate(b *testing.B) {
	p := Policies{Identity: benchmarkPolicies(b), Resource: &Policy{Document: mustParse(b, Trust, benchmarkTrust)}}
	r := benchmarkRequest()
	b.ReportAllocs()
	for b.Loop() {
		if d := Evaluate(r, p); !d.Allowed() {
			b.Fatalf("got %+v", d)
		}
	}
}

// BenchmarkEvaluateDeny is dearer: who is refused is told what was missing.
func BenchmarkEvaluateDeny(b *testing.B) {
	p := Policies{Identity: benchmarkPolicies(b), Resource: &Policy{Document: mustParse(b, Trust, benchmarkTrust)}}
	r := benchmarkRequest()
	r.Context = contextOf("aws:SourceIp", "10.1.2.3")
	b.ReportAllocs()
	for b.Loop() {
		if d := Evaluate(r, p); d.Allowed() || len(d.Missing) != 1 {
			b.Fatalf("got %+v", d)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	text := []byte(benchmarkTrust)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(Trust, text); err != nil {
			b.Fatal(err)
		}
	}
}
