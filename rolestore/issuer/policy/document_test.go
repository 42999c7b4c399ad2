package policy

import (
	"errors"
	"strings"
	"testing"
)

// The parts of good statements; the cases below put another in the place of one.
const (
	goodIdentity = `"Effect":"Allow","Action":"s3:Get*","Resource":"*"`
	goodTrust    = `"Effect":"Allow","Action":"sts:AssumeRole","Principal":"*"`
)

func TestParseRefusesWhatItDoesNotKnowAndSaysWhere(t *testing.T) {
	identity := func(more string) string {
		return `{"Version":"2012-10-17","Statement":[{` + goodIdentity + `},{` + goodIdentity + `,` + more + `}]}`
	}
	trusting := func(principal string) string {
		return `{"Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Principal":` + principal + `}}`
	}
	condition := func(c string) string { return identity(`"Condition":` + c) }
	for name, test := range map[string]struct {
		kind       Kind
		text, want string
	}{
		"no JSON":               {Identity, `{"Statement":`, "This policy contains invalid Json unexpected EOF"},
		"an object cut off":     {Identity, `{"Statement"`, "This policy contains invalid Json"},
		"a list cut off":        {Identity, `{"Statement":["a"`, "This policy contains invalid Json"},
		"a comma too many":      {Identity, `{"Statement":[{` + goodIdentity + `},]}`, "This policy contains invalid Json"},
		"something follows":     {Identity, `{"Statement":{` + goodIdentity + `}} {}`, "something follows the document"},
		"not UTF-8":             {Identity, "{\"Id\":\"\xff\"}", "it is not UTF-8"},
		"a duplicate key":       {Identity, identity(`"Effect":"Deny"`), `duplicate key "Effect"`},
		"a deep document":       {Identity, `{"Id":[[[[[["x"]]]]]]}`, "nested more than 6 deep"},
		"a large document":      {Identity, `{"Id":"` + strings.Repeat("x", MaxSize) + `"}`, "The policy must be at most 131072 bytes long."},
		"no object":             {Identity, `[]`, "Syntax errors in policy. The document must be an object."},
		"no statement":          {Identity, `{}`, "Statement is missing or empty"},
		"an empty statement":    {Identity, `{"Statement":[]}`, "Statement is missing or empty"},
		"an unknown version":    {Identity, `{"Version":"2013-01-01"}`, "Syntax errors in policy. The policy must contain a valid version string: want 2012-10-17 or 2008-10-17. (at Version)"},
		"a version as a number": {Identity, `{"Version":2012}`, "Syntax errors in policy. The policy must contain a valid version string: want 2012-10-17 or 2008-10-17. (at Version)"},
		"an Id that is a list":  {Identity, `{"Id":["x"]}`, "Syntax errors in policy. Id must be a string. (at Id)"},
		"an unknown element":    {Identity, `{"Statements":[]}`, `Syntax errors in policy. Unknown element "Statements"`},

		"a statement that is text":       {Identity, `{"Statement":["x"]}`, "Syntax errors in policy. A statement must be an object. (at Statement[0])"},
		"an unknown statement element":   {Identity, identity(`"effect":"Deny"`), `Unknown element "effect". (at Statement[1].effect)`},
		"a Sid with a space":             {Identity, identity(`"Sid":"a b"`), "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]* (at Statement[1].Sid)"},
		"a Sid twice":                    {Identity, `{"Statement":[{"Sid":"a",` + goodIdentity + `},{"Sid":"a",` + goodIdentity + `}]}`, "Statement IDs (SID) in a single policy must be unique. \"a\" is there twice. (at Statement[1].Sid)"},
		"an effect in lower case":        {Identity, `{"Statement":{"Effect":"allow","Action":"*","Resource":"*"}}`, "Invalid effect: allow"},
		"no effect":                      {Identity, `{"Statement":{"Action":"*","Resource":"*"}}`, "Syntax errors in policy. Missing required field Effect. (at Statement[0])"},
		"no action":                      {Identity, `{"Statement":{"Effect":"Deny","Resource":"*"}}`, "Policy statement must contain actions"},
		"an action and its negation":     {Identity, identity(`"NotAction":"*"`), "An element and its negation exclude each other. (at Statement[1])"},
		"an action list that is empty":   {Identity, `{"Statement":{"Effect":"Deny","Action":[],"Resource":"*"}}`, "must contain actions"},
		"an action that is a number":     {Identity, `{"Statement":{"Effect":"Deny","Action":[1],"Resource":"*"}}`, "Syntax errors in policy. Want a string or a list of strings. (at Statement[0].Action)"},
		"an action without a vendor":     {Identity, `{"Statement":{"Effect":"Deny","Action":"Get","Resource":"*"}}`, `Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc. This one is not: "Get".`},
		"a variable in an action":        {Identity, `{"Statement":{"Effect":"Deny","Action":"s3:${x}","Resource":"*"}}`, `Not the name of an action`},
		"two colons in an action":        {Identity, `{"Statement":{"Effect":"Deny","Action":"s3:List:Bucket","Resource":"*"}}`, `Actions/Condition can contain only one colon.`},
		"a vendor that is none":          {Identity, `{"Statement":{"Effect":"Deny","Action":"a a:ListBucket","Resource":"*"}}`, `Vendor a a is not valid`},
		"no resource":                    {Identity, `{"Statement":{"Effect":"Deny","Action":"*"}}`, "Policy statement must contain resources"},
		"a resource list that is empty":  {Identity, `{"Statement":{"Effect":"Deny","Action":"*","Resource":[]}}`, "must contain resources"},
		"a resource and its negation":    {Identity, identity(`"NotResource":"*"`), "An element and its negation exclude each other. (at Statement[1])"},
		"a resource that is no ARN":      {Identity, `{"Statement":{"Effect":"Deny","Action":"*","Resource":"b/*"}}`, `Resource b/* must be in ARN format or "*". (at Statement[0].Resource)`},
		"a variable that is none":        {Identity, `{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"arn:aws:s3:::b/${username}"}}`, "The policy failed legacy parsing Not a policy variable"},
		"a variable that does not end":   {Identity, `{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"arn:aws:s3:::b/${aws:username"}}`, "Not a policy variable"},
		"a default without quotes":       {Identity, `{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"arn:aws:s3:::b/${aws:username, x}"}}`, "Not a policy variable"},
		"a variable for an account":      {Identity, `{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"arn:aws:iam::${aws:PrincipalAccount}:role/x"}}`, "The policy failed legacy parsing"},
		"a variable for a region":        {Identity, `{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"arn:aws:sqs:${*}:123456789012:q"}}`, "The policy failed legacy parsing"},
		"a variable for a service":       {Identity, `{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"arn:aws:${aws:a}:::x"}}`, "Resource vendor must be fully qualified and cannot contain regexes."},
		"every service's resource":       {Identity, `{"Statement":{"Effect":"Deny","Action":"*","Resource":"arn:aws:*:::x"}}`, "Resource vendor must be fully qualified"},
		"an ARN of a partition alone":    {Identity, `{"Statement":{"Effect":"Deny","Action":"*","Resource":"arn:aws"}}`, "Resource vendor must be fully qualified"},
		"another partition":              {Identity, `{"Statement":{"Effect":"Deny","Action":"*","Resource":"arn:error:s3:::b"}}`, `Partition "error" is not valid for resource "arn:error:s3:::b".`},
		"a bucket as an account":         {Identity, `{"Statement":{"Effect":"Deny","Action":"*","Resource":"arn:aws:s3::example_bucket"}}`, "The policy failed legacy parsing"},
		"a letter that is none of IAM's": {Identity, `{"Id":"\u20ac"}`, "Statement is missing"},
		"a character beyond Latin-1":     {Identity, `{"Id":"€"}`, "character U+20AC is not one that a policy may hold"},
		"a control character":            {Identity, "{\"Id\":\"\x01\"}", "character U+0001 is not one"},
		"a principal in an identity's":   {Identity, identity(`"Principal":"*"`), "Policy document should not specify a principal. (at Statement[1].Principal)"},
		"a resource in a trust policy":   {Trust, `{"Statement":{` + goodTrust + `,"Resource":"*"}}`, "Has prohibited field Resource (at Statement[0].Resource)"},
		"an action of another service":   {Trust, `{"Statement":{"Effect":"Allow","Action":"s3:Get","Principal":"*"}}`, "AssumeRole policy may only specify STS AssumeRole actions"},
		"no principal":                   {Trust, `{"Statement":{"Effect":"Allow","Action":"sts:AssumeRole"}}`, "Missing required field Principal"},
		"a principal and its negation":   {Trust, `{"Statement":{` + goodTrust + `,"NotPrincipal":"*"}}`, "An element and its negation exclude each other. (at Statement[0])"},

		"a principal that is text":       {Trust, trusting(`"123456789012"`), `Invalid principal in policy. Want "*" or an object`},
		"no principal types":             {Trust, trusting(`{}`), "Missing required field Principal cannot be empty! (at Statement[0].Principal)"},
		"an empty principal list":        {Trust, trusting(`{"AWS":[]}`), "Missing required field Principal cannot be empty!"},
		"an unknown principal type":      {Trust, trusting(`{"CanonicalUser":"x"}`), `Invalid principal in policy: "CANONICALUSER":"x" (at Statement[0].Principal)`},
		"a principal type in lower case": {Trust, trusting(`{"aws":"*"}`), `Invalid principal in policy: "AWS":"*"`},
		"a wildcard in a principal":      {Trust, trusting(`{"AWS":"arn:aws:iam::123456789012:role/*"}`), `Invalid principal in policy: "AWS":"arn:aws:iam::123456789012:role/*"`},
		"an account ARN without root":    {Trust, trusting(`{"AWS":"arn:aws:iam::123456789012"}`), "Invalid principal"},
		"a number with root":             {Trust, trusting(`{"AWS":"123456789012:root"}`), "Invalid principal"},
		"an empty principal":             {Trust, trusting(`{"AWS":""}`), "Invalid principal"},
		"an empty service":               {Trust, trusting(`{"Service":""}`), "Invalid principal"},
		"an empty provider":              {Trust, trusting(`{"Federated":""}`), "Invalid principal"},
		"a group":                        {Trust, trusting(`{"AWS":"arn:aws:iam::123456789012:group/g"}`), "Invalid principal"},
		"a session without a name":       {Trust, trusting(`{"AWS":"arn:aws:sts::123456789012:assumed-role/r"}`), "Invalid principal"},
		"a service elsewhere":            {Trust, trusting(`{"Service":"ec2.example.com"}`), "Invalid principal"},
		"every service":                  {Trust, trusting(`{"Service":"*"}`), "Invalid principal"},
		"an unknown provider":            {Trust, trusting(`{"Federated":"idp.example.com"}`), "Invalid principal"},

		"an unknown operator":         {Identity, condition(`{"StringMatches":{"aws:a":"b"}}`), "Invalid Condition type : StringMatches. (at Statement[1].Condition.StringMatches)"},
		"an operator in lower case":   {Identity, condition(`{"stringequals":{"aws:a":"b"}}`), "Invalid Condition type : stringequals."},
		"an unknown qualifier":        {Identity, condition(`{"ForSomeValue:StringEquals":{"aws:a":"b"}}`), "Invalid Condition type : ForSomeValue:StringEquals."},
		"two qualifiers":              {Identity, condition(`{"ForAnyValue:ForAllValues:StringEquals":{"aws:a":"b"}}`), "Invalid Condition type"},
		"a qualifier on Null":         {Identity, condition(`{"ForAnyValue:Null":{"aws:a":"true"}}`), "Invalid Condition type : ForAnyValue:Null."},
		"keys that differ in case":    {Identity, condition(`{"StringEquals":{"aws:a":"b","AWS:A":"c"}}`), `Two keys differ in case alone: "AWS:A".`},
		"Base64 that is none":         {Identity, condition(`{"BinaryEquals":{"aws:a":"?"}}`), "Want Base64"},
		"a variable for a number":     {Identity, strings.Replace(condition(`{"NumericEquals":{"aws:a":"${aws:b}"}}`), "2008-10-17", "2012-10-17", 1), "Want a number"},
		"IfExists on Null":            {Identity, condition(`{"NullIfExists":{"aws:a":"true"}}`), "Invalid Condition type : NullIfExists."},
		"IfExists twice":              {Identity, condition(`{"BoolIfExistsIfExists":{"aws:a":"true"}}`), "Invalid Condition type"},
		"a condition that is text":    {Identity, condition(`"x"`), "Syntax errors in policy. Condition must be an object. (at Statement[1].Condition)"},
		"an operator that is text":    {Identity, condition(`{"Bool":"x"}`), "An operator must be an object of keys"},
		"a key without a vendor":      {Identity, condition(`{"Bool":{"a":"true"}}`), `must be prefaced by a vendor, e.g., iam, sdb, ec2, etc. This one is not: "a".`},
		"a null value":                {Identity, condition(`{"Bool":{"aws:a":null}}`), "must be a string, a number or a Boolean. (at Statement[1].Condition.Bool.aws:a)"},
		"no value":                    {Identity, condition(`{"Bool":{"aws:a":[]}}`), "A condition must have a value."},
		"a variable in a condition":   {Identity, condition(`{"StringLike":{"aws:a":"x${a}"}}`), `The policy failed legacy parsing Not a policy variable, such as ${aws:username}: "x${a}". (at Statement[1].Condition.StringLike.aws:a)`},
		"a Bool that is none":         {Identity, condition(`{"Bool":{"aws:a":"yes"}}`), `The policy failed legacy parsing Invalid value for this operator: "yes". Want true or false.`},
		"a Null that is none":         {Identity, condition(`{"Null":{"aws:a":1}}`), "Want true or false"},
		"a number that is none":       {Identity, condition(`{"NumericEquals":{"aws:a":"Inf"}}`), "Want a number"},
		"a hexadecimal number":        {Identity, condition(`{"NumericEquals":{"aws:a":"0x1p4"}}`), "Want a number"},
		"a number out of range":       {Identity, condition(`{"NumericEquals":{"aws:a":1e999}}`), "Want a number"},
		"a date that is none":         {Identity, condition(`{"DateEquals":{"aws:a":"23.11.2025"}}`), "Want a date"},
		"an ARN that is none":         {Identity, condition(`{"ArnLike":{"aws:a":"*"}}`), "Want an ARN"},
		"six fields that are no ARN":  {Identity, condition(`{"ArnLike":{"aws:a":"*:a:b:c:d:e"}}`), "Want an ARN"},
		"an address that is none":     {Identity, condition(`{"IpAddress":{"aws:a":"10.0.0.0/33"}}`), "Want an IP address"},
		"an address with a zone":      {Identity, condition(`{"IpAddress":{"aws:a":"fe80::1%eth0"}}`), "Want an IP address"},
		"IPv4 that is written as six": {Identity, condition(`{"IpAddress":{"aws:a":"::ffff:10.0.0.1"}}`), "Want an IP address"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse(test.kind, []byte(test.text))
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("got %v, want an *Error", err)
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("got  %s\nwant %s", err, test.want)
			}
		})
	}
}

func TestParseAcceptsTheForms(t *testing.T) {
	for _, text := range []string{
		`{"Statement":{` + goodIdentity + `}}`,
		` {"Version":"2008-10-17","Id":"x y","Statement":[{"Sid":"",` + goodIdentity + `},{"Sid":"",` + goodIdentity + `}]} ` + "\n",
		`{"Statement":{"Effect":"Allow","Action":["*","*:*","s3:*","aws-portal:View?"],"Resource":["*","arn:aws:s3:::b/*"],"Condition":{}}}`,
		`{"Statement":{` + goodIdentity + `,"Condition":{"StringEquals":{"aws:a":["x",1,true]}}}}`,
	} {
		mustParse(t, Identity, text)
	}
	for _, principal := range []string{
		`{"AWS":["*","123456789012","arn:aws-cn:iam::123456789012:root","AIDAJQABLZS4A3QDU576Q"]}`,
		`{"AWS":["arn:aws:iam::123456789012:user/a/b/c","arn:aws:iam::123456789012:role/r","arn:aws:sts::123456789012:federated-user/f"]}`,
		`{"AWS":"arn:aws:sts::123456789012:assumed-role/r/name@example.com","Service":"pods.eks.amazonaws.com"}`,
		`{"Federated":["arn:aws:iam::123456789012:saml-provider/ADFS","arn:aws:iam::123456789012:oidc-provider/idp.example.com:8443/realms/r"]}`,
	} {
		mustParse(t, Trust, `{"Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Principal":`+principal+`}}`)
	}
}

// In a document of 2008-10-17, the default, ${...} is plain text
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_version.html).
func TestADocumentOf2008HasNoVariables(t *testing.T) {
	for _, version := range []string{"", `"Version":"2008-10-17",`} {
		d := mustParse(t, Identity, `{`+version+`"Statement":{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::b/${aws:username}",
			"Condition":{"StringEquals":{"aws:a":"${x}"}}}}`)
		r := Request{Action: "s3:GetObject", Resource: "arn:aws:s3:::b/${aws:username}", Owner: account, Principal: asBob, Context: contextOf("aws:a", "${x}")}
		if got := Evaluate(r, Policies{Identity: Set{{Document: d}}}); !got.Allowed() {
			t.Errorf("%s: got %+v", version, got)
		}
	}
}

func TestTheZeroDocumentAllowsNothing(t *testing.T) {
	got := Evaluate(Request{Action: "s3:GetObject", Principal: asBob, Resource: "*"}, Policies{Identity: Set{{Document: &Document{}}}})
	if got.Effect != ImplicitDeny {
		t.Errorf("got %+v", got)
	}
}
