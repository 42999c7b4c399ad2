package policy

import (
	"fmt"
	"strings"
	"testing"
)

// Each line of operatorCases reads: operator, the policy's value, the request's
// values separated by commas (- for none), whether the condition holds.
const operatorCases = `
StringEquals "a" a true
StringEquals "a" A false
StringEquals "a" b false
StringEquals "a*" ab false
StringEquals ["a","b"] b true
StringEquals "a" b,a true
StringEquals "a" - false
StringNotEquals "a" a false
StringNotEquals "a" b true
StringNotEquals ["a","b"] b false
StringNotEquals "a" b,a false
StringNotEquals "a" - true
StringEqualsIgnoreCase "aB" Ab true
StringEqualsIgnoreCase "a" b false
StringNotEqualsIgnoreCase "aB" Ab false
StringNotEqualsIgnoreCase "aB" Ac true
StringLike "a*z?" abczd true
StringLike "a*z" abc false
StringLike "a" A false
StringNotLike "a*" abc false
StringNotLike "a*" b true

ArnLike "arn:aws:iam::*:role/*" arn:aws:iam::1:role/x true
ArnEquals "arn:aws:iam::*:role/*" arn:aws:iam::1:role/x true
ArnLike "arn:aws:iam::1:role/?" arn:aws:iam::1:role/xy false
ArnLike "arn:aws:s:*:1:finance/*" arn:aws:s:us-east-2:9:store/abc:1:finance/d false
StringLike "arn:aws:s:*:1:finance/*" arn:aws:s:us-east-2:9:store/abc:1:finance/d true
ArnLike "arn:aws:s:::a*" arn:aws:s:::a:b:c true
ArnNotLike "arn:aws:iam::*:role/*" arn:aws:iam::1:role/x false
ArnNotEquals "arn:aws:iam::*:role/*" arn:aws:iam::1:user/x true

Bool true true true
Bool "true" TRUE true
Bool "false" true false
Bool "false" - false
BoolIfExists "true" - true
BoolIfExists "true" false false
Null true - true
Null "true" x false
Null false x true
Null "false" - false

NumericEquals 3 3.0 true
NumericEquals "3" 4 false
NumericNotEquals 3 3 false
NumericNotEquals 3 - true
NumericLessThan 3600 3599 true
NumericLessThan 3600 3600 false
NumericLessThanEquals 3600 3600 true
NumericLessThanEquals 3600 3601 false
NumericGreaterThan -1.5 -1 true
NumericGreaterThan 1 1 false
NumericGreaterThanEquals 1 1 true
NumericGreaterThanEquals 1e2 99 false

DateEquals "2025-11-23T12:00:00Z" 2025-11-23T13:00:00+01:00 true
DateEquals "2025-11-23T12:00Z" 1763899200 true
DateEquals 1763899200 2025-11-23T12:00:00Z true
DateEquals 2025 2025-01-01 true
DateEquals "2025-11" 2025-11-01T00:00:00Z true
DateNotEquals "2025-11-23" 2025-11-24 true
DateLessThan "2025-11-23" 2025-11-22 true
DateLessThan "2025-11-23" 2025-11-23 false
DateLessThanEquals "2025-11-23" 2025-11-23 true
DateGreaterThan "2025-11-23" 2025-11-23 false
DateGreaterThan "2025-11-23" 2025-11-23T00:00:00.5Z true
DateGreaterThanEquals "2025-11-23" 2025-11-23 true
DateGreaterThanEquals "2025-11-23" 2025-11-22 false

IpAddress "203.0.113.0/24" 203.0.113.255 true
IpAddress "203.0.113.9/24" 203.0.113.1 true
IpAddress "203.0.113.0/24" 203.0.114.0 false
IpAddress "203.0.113.7" 203.0.113.7 true
IpAddress "203.0.113.7" 203.0.113.8 false
IpAddress "203.0.113.7" ::ffff:203.0.113.7 true
IpAddress "2001:DB8:1234:5678::/64" 2001:db8:1234:5678::1 true
IpAddress "2001:db8::1" 2001:db8::2 false
IpAddress "0.0.0.0/0" ::1 false
NotIpAddress "203.0.113.0/24" 203.0.113.1 false
NotIpAddress "203.0.113.0/24" 198.51.100.1 true
StringNotEqualsIfExists "a" - true

BinaryEquals "QmluYXJ5VmFsdWVJbkJhc2U2NA==" BinaryValueInBase64 true
BinaryEquals "QmluYXJ5VmFsdWVJbkJhc2U2NA==" BinaryValueInBase6 false
BinaryEquals "QQ==" - false
BinaryEqualsIfExists "QQ==" - true

ForAllValues:StringEquals ["a","b"] a,b true
ForAllValues:StringEquals ["a","b"] a true
ForAllValues:StringEquals ["a","b"] a,c false
ForAllValues:StringEquals "a" - true
ForAllValues:StringEquals "a" , true
ForAllValues:StringNotEquals ["a","b"] c,d true
ForAllValues:StringNotEquals ["a","b"] c,a false
ForAllValues:StringNotEquals "a" - true
ForAllValues:StringLike "a*" ab,a true
ForAllValues:StringEqualsIfExists "a" - true
ForAnyValue:StringEquals ["a","b"] c,b true
ForAnyValue:StringEquals ["a","b"] c,d false
ForAnyValue:StringEquals "a" - false
ForAnyValue:StringEquals "" , false
ForAnyValue:StringNotEquals ["a","b"] a,c true
ForAnyValue:StringNotEquals ["a","b"] a,b false
ForAnyValue:StringNotEquals "a" - false
ForAnyValue:StringEqualsIfExists "a" - true
ForAnyValue:NumericLessThan 5 9,4 true
ForAllValues:ArnLike "arn:aws:iam::1:role/*" arn:aws:iam::1:role/a,arn:aws:iam::1:role/b true
NotIpAddressIfExists "203.0.113.0/24" 203.0.113.1 false
`

func TestConditionOperators(t *testing.T) {
	for line := range strings.Lines(operatorCases) {
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		t.Run(strings.Join(f, " "), func(t *testing.T) {
			got := evaluateCondition(t, "Allow", f[0], f[1], f[2])
			if want := f[3] == "true"; (got == Allow) != want {
				t.Errorf("got %s, want holds = %v", got, want)
			}
		})
	}
}

// evaluateCondition decides about a request with values, separated by commas,
// under a policy that speaks of the key aws:Key, the request's being in lower case.
func evaluateCondition(t *testing.T, effect, operator, value, values string) Effect {
	t.Helper()
	d := mustParse(t, Identity, fmt.Sprintf(
		`{"Statement":{"Effect":%q,"Action":"*","Resource":"*","Condition":{%q:{"aws:Key":%s}}}}`, effect, operator, value))
	context := NewContext()
	if values != "-" {
		context.SetAll("AWS:key", strings.Split(values, ","))
	}
	return Evaluate(Request{Action: "s3:GetObject", Resource: "*", Principal: asBob, Context: context}, Policies{Identity: Set{{Document: d}}}).Effect
}

func TestAValueThatAnOperatorCannotReadNeverHelpsTheCaller(t *testing.T) {
	for _, f := range [][3]string{
		{"Bool", `true`, "perhaps"},
		{"ArnLike", `"arn:aws:iam::1:role/x"`, "web"},
		{"ArnNotLike", `"arn:aws:iam::1:role/x"`, "web"},
		{"NumericLessThan", `5`, "0x1"},
		{"NumericNotEquals", `5`, "NaN"},
		{"DateNotEquals", `"2025-11-23"`, "yesterday"},
		{"DateLessThan", `"2025-11-23"`, "99999999999999999999"},
		{"NotIpAddress", `"203.0.113.0/24"`, "localhost"},
		{"IpAddressIfExists", `"203.0.113.0/24"`, "203.0.113.1:80"},
	} {
		if got := evaluateCondition(t, "Allow", f[0], f[1], f[2]); got != ImplicitDeny {
			t.Errorf("%v: an Allow gives %s", f, got)
		}
		if got := evaluateCondition(t, "Deny", f[0], f[1], f[2]); got != ExplicitDeny {
			t.Errorf("%v: a Deny gives %s", f, got)
		}
	}
	// One value that can be read and matches decides, whatever the others are.
	if got := evaluateCondition(t, "Allow", "NumericEquals", "5", "x,5"); got != Allow {
		t.Errorf("got %s", got)
	}
}

func TestAllConditionsMustHold(t *testing.T) {
	d := mustParse(t, Identity, `{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{
		"StringEquals":{"aws:a":"1","aws:b":["1","2"]},"StringLike":{"aws:a":"*"},"Bool":{}}}}`)
	for context, want := range map[[2]string]Effect{{"1", "2"}: Allow, {"1", "3"}: ImplicitDeny, {"2", "1"}: ImplicitDeny} {
		r := Request{Action: "x:y", Resource: "*", Principal: asBob, Context: contextOf("aws:a", context[0], "aws:b", context[1])}
		if got := Evaluate(r, Policies{Identity: Set{{Document: d}}}); got.Effect != want {
			t.Errorf("%v: got %s, want %s", context, got.Effect, want)
		}
	}
}
