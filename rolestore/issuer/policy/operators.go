package policy

import "strings"

// operator is a condition operator, with its prefix and suffix.
type operator struct {
	negated  bool // no value may match
	null     bool // it asks whether the key is missing
	ifExists bool // it holds when the key is missing
	set      qualifier

	// compile returns the matcher for a value of the policy, or none when the
	// operator cannot take it; want then says what it takes.
	compile func(p parser, where, value string) (matcher, error)
	want    string
}

// qualifier says what becomes of several values of one key
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html).
type qualifier int

const (
	noSet        qualifier = iota
	forAllValues           // the operator must hold for each, of which there may be none
	forAnyValue            // it must hold for one of them
)

// matcher judges values of requests by one value of a policy.
type matcher struct {
	match     func(value string, c *Context) verdict
	variables []part // the template's of that value, if it has variables
}

// not returns the operator that holds where o does not.
func (o operator) not() operator {
	o.negated = true
	return o
}

// findOperator returns the operator of that name, as it is spelt in the
// documentation. All but Null may have a qualifier in front and IfExists behind.
func findOperator(name string) (op operator, ok bool) {
	base, set := name, noSet
	if rest, ok := strings.CutPrefix(base, "ForAllValues:"); ok {
		base, set = rest, forAllValues
	} else if rest, ok := strings.CutPrefix(base, "ForAnyValue:"); ok {
		base, set = rest, forAnyValue
	}
	base, ifExists := strings.CutSuffix(base, "IfExists")
	op, ok = operators[base]
	op.set, op.ifExists = set, ifExists
	return op, ok && (!op.null || base == name)
}

var (
	stringEquals     = operator{compile: equals}
	stringEqualsFold = operator{compile: equalsFold}
	stringLike       = operator{compile: like}
	arnLike          = operator{compile: likeARN, want: "an ARN of six fields, which may hold wildcards"}
	ipAddress        = plain("an IP address, or a range as in 203.0.113.0/24", inPrefix)
	boolean          = plain("true or false", equalsBool)
	binaryEquals     = plain("Base64", equalsBinary)
	null             = operator{compile: boolean.compile, want: boolean.want, null: true}
)

// operators are those that are known.
var operators = map[string]operator{
	"StringEquals":              stringEquals,
	"StringNotEquals":           stringEquals.not(),
	"StringEqualsIgnoreCase":    stringEqualsFold,
	"StringNotEqualsIgnoreCase": stringEqualsFold.not(),
	"StringLike":                stringLike,
	"StringNotLike":             stringLike.not(),

	"ArnEquals":    arnLike, // the same as ArnLike
	"ArnLike":      arnLike,
	"ArnNotEquals": arnLike.not(),
	"ArnNotLike":   arnLike.not(),

	"Bool":         boolean,
	"BinaryEquals": binaryEquals,
	"Null":         null,

	"IpAddress":    ipAddress,
	"NotIpAddress": ipAddress.not(),

	"NumericEquals":            numeric(equal),
	"NumericNotEquals":         numeric(equal).not(),
	"NumericLessThan":          numeric(less),
	"NumericLessThanEquals":    numeric(lessOrEqual),
	"NumericGreaterThan":       numeric(greater),
	"NumericGreaterThanEquals": numeric(greaterOrEqual),

	"DateEquals":            date(equal),
	"DateNotEquals":         date(equal).not(),
	"DateLessThan":          date(less),
	"DateLessThanEquals":    date(lessOrEqual),
	"DateGreaterThan":       date(greater),
	"DateGreaterThanEquals": date(greaterOrEqual),
}

// The orders take what cmp.Compare says of the request's value and the policy's.
func equal(order int) bool          { return order == 0 }
func less(order int) bool           { return order < 0 }
func lessOrEqual(order int) bool    { return order <= 0 }
func greater(order int) bool        { return order > 0 }
func greaterOrEqual(order int) bool { return order >= 0 }

// plain returns an operator whose values have no variables. compile returns nil
// for a value that it cannot take.
func plain(want string, compile func(value string) func(value string) verdict) operator {
	return operator{want: want, compile: func(_ parser, _, value string) (matcher, error) {
		match := compile(value)
		if match == nil {
			return matcher{}, nil
		}
		return matcher{match: func(value string, _ *Context) verdict { return match(value) }}, nil
	}}
}
