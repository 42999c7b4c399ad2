package policy

import "testing"

// guide is where the cases of the corpus come from: pages of the IAM User Guide.
const guide = "https://docs.aws.amazon.com/IAM/latest/UserGuide/"

const (
	account = "123456789012"
	role    = "arn:aws:iam::123456789012:role/web"
	session = "arn:aws:sts::123456789012:assumed-role/web/s1"
	bob     = "arn:aws:iam::123456789012:user/Bob"
)

var (
	asBob     = Principal{Account: account, ARNs: []string{bob, "AIDAJQABLZS4A3QDU576Q"}}
	asRole    = Principal{Account: account, ARNs: []string{role, session, "AROAJQABLZS4A3QDU576Q"}}
	asService = Principal{Service: "ec2.amazonaws.com"}
	asGoogle  = Principal{Federated: "accounts.google.com"}
)

type corpusCase struct {
	name, page string
	kind       Kind
	statement  string
	request    Request
	want       Result
}

// corpus is compiled with Version 2012-10-17 around each statement.
var corpus = []corpusCase{
	{
		"nothing applies", "reference_policies_evaluation-logic.html", Identity,
		`{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}`,
		Request{Action: "sts:GetCallerIdentity", Resource: "*"}, Result{},
	},
	{
		"an action in another case", "reference_policies_elements_action.html", Identity,
		`{"Sid":"Keys","Effect":"Allow","Action":"IAM:listaccesskeys","Resource":"*"}`,
		Request{Action: "iam:ListAccessKeys"}, Result{Decision: Allow, Statement: "Keys"},
	},
	{
		"a wildcard inside an action", "reference_policies_elements_action.html", Identity,
		`{"Effect":"Allow","Action":"iam:*AccessKey*","Resource":"arn:aws:iam::123456789012:user/*"}`,
		Request{Action: "iam:CreateAccessKey", Resource: bob}, Result{Decision: Allow, Statement: "Statement[0]"},
	},
	{
		"an action that is not excepted", "reference_policies_elements_notaction.html", Identity,
		`{"Sid":"S","Effect":"Deny","NotAction":"iam:*","Resource":"*"}`,
		Request{Action: "s3:GetObject"}, Result{Decision: ExplicitDeny, Statement: "S"},
	},
	{
		"an action that is excepted", "reference_policies_elements_notaction.html", Identity,
		`{"Effect":"Deny","NotAction":"iam:*","Resource":"*"}`,
		Request{Action: "iam:GetUser"}, Result{},
	},
	{
		"a resource in another case", "reference_policies_elements_resource.html", Identity,
		`{"Effect":"Allow","Action":"*","Resource":"arn:aws:iam::123456789012:user/bob"}`,
		Request{Action: "iam:GetUser", Resource: bob}, Result{},
	},
	{
		"a resource that is excepted", "reference_policies_elements_notresource.html", Identity,
		`{"Effect":"Allow","Action":"*","NotResource":["arn:aws:s3:::HRBucket","arn:aws:s3:::HRBucket/*"]}`,
		Request{Action: "s3:GetObject", Resource: "arn:aws:s3:::HRBucket/x"}, Result{},
	},
	{
		"an account by its number", "reference_policies_elements_principal.html", Trust,
		`{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":"123456789012"}}`,
		Request{Action: "sts:AssumeRole", Principal: asBob}, Result{Allow, true, "Statement[0]"},
	},
	{
		"an account by its root ARN", "reference_policies_elements_principal.html", Trust,
		`{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":["arn:aws:iam::999999999999:root","arn:aws:iam::123456789012:root"]}}`,
		Request{Action: "sts:AssumeRole", Principal: asRole}, Result{Allow, true, "Statement[0]"},
	},
	{
		"another account", "reference_policies_elements_principal.html", Trust,
		`{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":"999999999999"}}`,
		Request{Action: "sts:AssumeRole", Principal: asBob}, Result{},
	},
	{
		"a role, asked by its session", "reference_policies_elements_principal.html", Trust,
		`{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":"` + role + `"}}`,
		Request{Action: "sts:AssumeRole", Principal: asRole}, Result{Allow, false, "Statement[0]"},
	},
	{
		"a user's name in another case", "reference_policies_elements_principal.html", Trust,
		`{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":"arn:aws:iam::123456789012:user/bob"}}`,
		Request{Action: "sts:AssumeRole", Principal: asBob}, Result{},
	},
	{
		"another session of the role", "reference_policies_elements_principal.html", Trust,
		`{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":"arn:aws:sts::123456789012:assumed-role/web/s2"}}`,
		Request{Action: "sts:AssumeRole", Principal: asRole}, Result{},
	},
	{
		"a unique id that an ARN was replaced by", "reference_policies_elements_principal.html", Trust,
		`{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":"AROAJQABLZS4A3QDU576Q"}}`,
		Request{Action: "sts:AssumeRole", Principal: asRole}, Result{Allow, false, "Statement[0]"},
	},
	{
		"everyone", "reference_policies_elements_principal.html", Trust,
		`{"Effect":"Allow","Action":"sts:AssumeRole","Principal":"*"}`,
		Request{Action: "sts:AssumeRole", Principal: asBob}, Result{Allow, false, "Statement[0]"},
	},
	{
		"everyone of AWS, a service too", "reference_policies_elements_principal.html", Trust,
		`{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":"*"}}`,
		Request{Action: "sts:AssumeRole", Principal: asService}, Result{Allow, false, "Statement[0]"},
	},
	{
		"a service", "id_roles_terms-and-concepts.html", Trust,
		`{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":"ec2.amazonaws.com"}}`,
		Request{Action: "sts:AssumeRole", Principal: asService}, Result{Allow, false, "Statement[0]"},
	},
	{
		"an identity provider and its condition", "id_roles_create_for-idp_oidc.html", Trust,
		`{"Effect":"Allow","Action":"sts:AssumeRoleWithWebIdentity","Principal":{"Federated":"accounts.google.com"},
		  "Condition":{"StringEquals":{"accounts.google.com:aud":"66677788899900pro0"}}}`,
		Request{Action: "sts:AssumeRoleWithWebIdentity", Principal: asGoogle, Context: map[string][]string{"accounts.google.com:aud": {"66677788899900pro0"}}},
		Result{Allow, false, "Statement[0]"},
	},
	{
		"a caller and its account are excepted from a Deny", "reference_policies_elements_notprincipal.html", Trust,
		`{"Effect":"Deny","Action":"sts:*","NotPrincipal":{"AWS":["` + bob + `","arn:aws:iam::123456789012:root"]}}`,
		Request{Action: "sts:AssumeRole", Principal: asBob}, Result{},
	},
	{
		"a caller without its account is not excepted", "reference_policies_elements_notprincipal.html", Trust,
		`{"Effect":"Deny","Action":"sts:*","NotPrincipal":{"AWS":"` + bob + `"}}`,
		Request{Action: "sts:AssumeRole", Principal: asBob}, Result{ExplicitDeny, false, "Statement[0]"},
	},
	{
		"an account alone excepts nobody in it", "reference_policies_elements_notprincipal.html", Trust,
		`{"Effect":"Deny","Action":"sts:*","NotPrincipal":{"AWS":"123456789012"}}`,
		Request{Action: "sts:AssumeRole", Principal: asBob}, Result{ExplicitDeny, false, "Statement[0]"},
	},
	{
		"a service is excepted from a Deny", "reference_policies_elements_notprincipal.html", Trust,
		`{"Effect":"Deny","Action":"sts:*","NotPrincipal":{"Service":"ec2.amazonaws.com"}}`,
		Request{Action: "sts:AssumeRole", Principal: asService}, Result{},
	},
	{
		"a Deny that excepts everyone", "reference_policies_elements_notprincipal.html", Trust,
		`{"Effect":"Deny","Action":"sts:*","NotPrincipal":{"AWS":"*"}}`,
		Request{Action: "sts:AssumeRole", Principal: asBob}, Result{},
	},
	{
		"an Allow for all others names nobody", "reference_policies_elements_notprincipal.html", Trust,
		`{"Effect":"Allow","Action":"sts:AssumeRole","NotPrincipal":{"AWS":"999999999999"}}`,
		Request{Action: "sts:AssumeRole", Principal: asBob}, Result{Allow, true, "Statement[0]"},
	},
	{
		"an Allow for all others leaves out an account's users", "reference_policies_elements_notprincipal.html", Trust,
		`{"Effect":"Allow","Action":"sts:AssumeRole","NotPrincipal":{"AWS":"123456789012"}}`,
		Request{Action: "sts:AssumeRole", Principal: asBob}, Result{},
	},
	{
		"a Deny of an account reaches all in it", "reference_policies_elements_principal.html", Trust,
		`{"Effect":"Deny","Action":"sts:AssumeRole","Principal":{"AWS":"123456789012"}}`,
		Request{Action: "sts:AssumeRole", Principal: asRole}, Result{ExplicitDeny, false, "Statement[0]"},
	},
	{
		"an external id", "id_roles_create_for-user_externalid.html", Trust,
		`{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":"123456789012"},"Condition":{"StringEquals":{"sts:ExternalId":"12345"}}}`,
		Request{Action: "sts:AssumeRole", Principal: asBob}, Result{},
	},
	{
		"sessions issued before a revocation", "id_roles_use_revoke-sessions.html", Identity,
		`{"Effect":"Deny","Action":["*"],"Resource":["*"],"Condition":{"DateLessThan":{"aws:TokenIssueTime":"2025-11-23T12:00:00.000Z"}}}`,
		Request{Action: "s3:GetObject", Context: map[string][]string{"aws:tokenissuetime": {"2025-11-23T11:59:59Z"}}},
		Result{ExplicitDeny, false, "Statement[0]"},
	},
	{
		"sessions issued after a revocation", "id_roles_use_revoke-sessions.html", Identity,
		`{"Effect":"Deny","Action":["*"],"Resource":["*"],"Condition":{"DateLessThan":{"aws:TokenIssueTime":"2025-11-23T12:00:00.000Z"}}}`,
		Request{Action: "s3:GetObject", Context: map[string][]string{"aws:tokenissuetime": {"2025-11-23T12:00:01Z"}}}, Result{},
	},
}

func TestEvaluateAgreesWithTheIAMUserGuide(t *testing.T) {
	for _, test := range corpus {
		t.Run(test.name, func(t *testing.T) {
			d := mustParse(t, test.kind, `{"Version":"2012-10-17","Statement":`+test.statement+`}`)
			if got := d.Evaluate(test.request); got != test.want {
				t.Errorf("got %+v, want %+v; see %s%s", got, test.want, guide, test.page)
			}
		})
	}
}

func mustParse(t testing.TB, kind Kind, text string) *Document {
	t.Helper()
	d, err := Parse(kind, []byte(text))
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return d
}
