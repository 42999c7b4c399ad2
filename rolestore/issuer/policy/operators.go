package policy

import "strings"

// operator is a condition operator.
type operator struct {
	negated bool
	null    bool
	// compile returns the matcher for a value of the policy, or nil when the operator
	// cannot take it; want then says what it takes.
	compile func(value string) matcher
	want    string
}

// not returns the operator that holds where o does not.
func (o operator) not() operator {
	o.negated = true
	return o
}

// findOperator returns the operator of that name, which may end in IfExists
// unless it is Null. A name is matched as it is spelt in the documentation.
func findOperator(name string) (op operator, ifExists, ok bool) {
	base, ifExists := strings.CutSuffix(name, "IfExists")
	op, ok = operators[base]
	return op, ifExists, ok && (!ifExists || !op.null)
}

var (
	stringEquals     = operator{compile: equals}
	stringEqualsFold = operator{compile: equalsFold}
	stringLike       = operator{compile: like}
	arnLike          = operator{compile: likeARN, want: "an ARN of six fields, which may hold wildcards"}
	ipAddress        = operator{compile: inPrefix, want: "an IP address, or a range as in 203.0.113.0/24"}
	boolean          = operator{compile: equalsBool, want: "true or false"}
	null             = operator{compile: equalsBool, want: "true or false", null: true}
)

// operators are those that are known. BinaryEquals is not, nor are the qualifiers
// ForAllValues: and ForAnyValue:.
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

	"Bool": boolean,
	"Null": null,

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

func verdictOf(matched bool) verdict {
	if matched {
		return yes
	}
	return no
}
