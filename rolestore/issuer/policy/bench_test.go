package policy

import (
	"fmt"
	"strings"
	"testing"
)

// BenchmarkEvaluate asks 10 documents of 20 statements, as a user with many
// policies has them; none but the last statement of the last applies.
func BenchmarkEvaluate(b *testing.B) {
	var documents []*Document
	for i := range 10 {
		var statements []string
		for j := range 20 {
			statements = append(statements, fmt.Sprintf(`{"Effect":"Allow","Action":["s3:Get*","s3:List*","sts:AssumeRole"],
				"Resource":["arn:aws:iam::123456789012:role/team-%d-%d-*","arn:aws:s3:::bucket-%d/*"],
				"Condition":{"StringEquals":{"aws:PrincipalTag/team":"t%d"},"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}}`, i, j, j, i))
		}
		documents = append(documents, mustParse(b, Identity, `{"Version":"2012-10-17","Statement":[`+strings.Join(statements, ",")+`]}`))
	}
	r := Request{
		Action: "sts:AssumeRole", Resource: "arn:aws:iam::123456789012:role/team-9-19-web",
		Context: map[string][]string{"aws:principaltag/team": {"t9"}, "aws:sourceip": {"10.1.2.3"}},
	}
	b.ReportAllocs()
	for b.Loop() {
		allowed := 0
		for _, d := range documents {
			if d.Evaluate(r).Decision == Allow {
				allowed++
			}
		}
		if allowed != 1 {
			b.Fatalf("%d documents allow", allowed)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	text := []byte(`{"Version":"2012-10-17","Statement":[{"Sid":"A","Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":"ec2.amazonaws.com"}},
		{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":"123456789012"},"Condition":{"StringEquals":{"sts:ExternalId":"x"}}}]}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(Trust, text); err != nil {
			b.Fatal(err)
		}
	}
}
