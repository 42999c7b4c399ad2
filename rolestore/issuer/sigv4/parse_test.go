package sigv4

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/rolestore"
)

func asError(t testing.TB, err error) *Error {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want an *Error", err)
	}
	return e
}

const (
	zeros     = "0000000000000000000000000000000000000000000000000000000000000000"
	scopeText = "AKID/20251123/eu-west-1/sts/aws4_request"
	goodAuth  = "AWS4-HMAC-SHA256 Credential=" + scopeText + ", SignedHeaders=host;x-amz-date, Signature=" + zeros
	goodDate  = "20251123T120000Z"
	presigned = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=" + scopeText +
		"&X-Amz-Date=" + goodDate + "&X-Amz-SignedHeaders=host&X-Amz-Signature=" + zeros
)

func TestParseAnswersAWSErrors(t *testing.T) {
	const (
		incompleteCode = "IncompleteSignature 400: "
		mismatchCode   = "SignatureDoesNotMatch 403: "
	)
	header := func(authorization, date string) Request {
		return Request{Header: http.Header{"Authorization": {authorization}, "X-Amz-Date": {date}}}
	}
	without := func(part string) Request {
		return header(strings.Replace(goodAuth, part, "", 1), goodDate)
	}
	for name, test := range map[string]struct {
		request Request
		want    string // of the code, the status and the start of the message
	}{
		"no signature":                   {Request{}, "MissingAuthenticationToken 403: Request is missing Authentication Token"},
		"another scheme":                 {header("Bearer x", goodDate), "MissingAuthenticationToken 403: Request is missing Authentication Token"},
		"header and query":               {Request{Header: header(goodAuth, goodDate).Header, RawQuery: presigned}, mismatchCode + "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header."},
		"nothing but the algorithm":      {header("AWS4-HMAC-SHA256", ""), incompleteCode + "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. Authorization header requires 'SignedHeaders' parameter. Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. Authorization=AWS4-HMAC-SHA256"},
		"no signature in the header":     {header(strings.TrimSuffix(goodAuth, zeros), goodDate), incompleteCode + "Authorization header requires 'Signature' parameter. Authorization=AWS4-HMAC-SHA256"},
		"no date":                        {header(goodAuth, ""), incompleteCode + "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. Authorization="},
		"a pair without an equals sign":  {header(goodAuth+", Credential", goodDate), incompleteCode + "'Credential' not a valid key=value pair (missing equal-sign) in Authorization header"},
		"an unknown key":                 {header(goodAuth+", Extra=1", goodDate), incompleteCode + "'Extra' not a valid key"},
		"a key twice":                    {header(goodAuth+", Signature="+zeros, goodDate), incompleteCode + "'Signature' not a valid key"},
		"a date in another form":         {header(goodAuth, "2025-11-23T12:00:00Z"), incompleteCode + "Date must be in ISO-8601 'basic format'. Got '2025-11-23T12:00:00Z'. See http://en.wikipedia.org/wiki/ISO_8601"},
		"a date with a fraction":         {header(goodAuth, "20251123T120000.5Z"), incompleteCode + "Date must be in ISO-8601"},
		"a day that is not":              {header(goodAuth, "20251131T120000Z"), incompleteCode + "Date must be in ISO-8601"},
		"host not signed":                {without("host;"), mismatchCode + "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."},
		"SigV4a":                         {header(strings.Replace(goodAuth, "HMAC", "ECDSA-P256", 1), goodDate), incompleteCode + "Unsupported AWS 'algorithm': 'AWS4-ECDSA-P256-SHA256' (only AWS4-HMAC-SHA256 for now). "},
		"SigV4a presigned":               {Request{RawQuery: strings.Replace(presigned, "HMAC", "ECDSA-P256", 1)}, incompleteCode + "Unsupported AWS 'algorithm': 'AWS4-ECDSA-P256-SHA256'"},
		"a scope of four":                {without("/aws4_request"), incompleteCode + "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got 'AKID/20251123/eu-west-1/sts'"},
		"a scope of six":                 {header(strings.Replace(goodAuth, "AKID", "A/B", 1), goodDate), incompleteCode + "Credential must have exactly 5"},
		"upper-case names":               {header(strings.Replace(goodAuth, "x-amz", "X-Amz", 1), goodDate), incompleteCode + "SignedHeaders must be"},
		"an empty name":                  {header(strings.Replace(goodAuth, "host;", "host;;", 1), goodDate), incompleteCode + "SignedHeaders must be"},
		"too many names":                 {header(strings.Replace(goodAuth, "host;", "host;"+strings.Repeat("a;", maxSignedHeaders), 1), goodDate), incompleteCode + "SignedHeaders must name at most 50"},
		"a long Authorization":           {header(goodAuth+strings.Repeat(" ", maxAuthorization), goodDate), incompleteCode + "Authorization header must be at most 4096 bytes long."},
		"two Authorizations":             {Request{Header: http.Header{"Authorization": {goodAuth, goodAuth}, "X-Amz-Date": {goodDate}}}, incompleteCode + "Found more than one 'Authorization' header."},
		"two dates":                      {Request{Header: http.Header{"Authorization": {goodAuth}, "X-Amz-Date": {goodDate, goodDate}}}, incompleteCode + "Found more than one 'X-Amz-Date' header."},
		"two tokens":                     {Request{Header: http.Header{"Authorization": {goodAuth}, "X-Amz-Date": {goodDate}, "X-Amz-Security-Token": {"a", "b"}}}, incompleteCode + "Found more than one 'X-Amz-Security-Token' header."},
		"presigned, only the algorithm":  {Request{RawQuery: "X-Amz-Algorithm=AWS4-HMAC-SHA256"}, incompleteCode + "AWS query-string parameters must include 'X-Amz-Credential'. AWS query-string parameters must include 'X-Amz-Signature'. AWS query-string parameters must include 'X-Amz-SignedHeaders'. AWS query-string parameters must include 'X-Amz-Date'. Re-examine the query-string parameters."},
		"presigned, a signature twice":   {Request{RawQuery: presigned + "&X-Amz-Signature=1"}, incompleteCode + "Found more than one 'X-Amz-Signature' query-string parameter."},
		"presigned, an algorithm twice":  {Request{RawQuery: presigned + "&X-Amz-Algorithm="}, incompleteCode + "Found more than one 'X-Amz-Algorithm' query-string parameter."},
		"presigned with host not signed": {Request{RawQuery: strings.Replace(presigned, "=host", "=x-k8s-aws-id", 1)}, mismatchCode + "'Host' or"},
		"a broken escape":                {Request{RawQuery: "a=%zz"}, "MalformedQueryString 404: "},
		"a long query":                   {Request{RawQuery: strings.Repeat("a", maxQuery+1)}, "MalformedQueryString 404: "},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse(test.request)
			e := asError(t, err)
			got := fmt.Sprintf("%s %d: %s", e.Code, e.Status, e.Message)
			if !strings.HasPrefix(got, test.want) {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
	if _, err := Parse(Request{}); !errors.Is(err, ErrUnsigned) {
		t.Errorf("got %v, want ErrUnsigned", err)
	}
}

func TestVerifyAnswersAWSErrors(t *testing.T) {
	for name, test := range map[string]struct {
		credential string
		after      time.Duration // from signing to verifying
		want       string        // empty: the mismatch of a wrong signature
	}{
		"late by 15 minutes":        {"20251123/eu-west-1/sts/aws4_request", MaxSkew, ""},
		"late by a second more":     {"20251123/eu-west-1/sts/aws4_request", MaxSkew + time.Second, "Signature expired: 20251123T120000Z is now earlier than 20251123T120001Z (20251123T121501Z - 15 min.)"},
		"early by 15 minutes":       {"20251123/eu-west-1/sts/aws4_request", -MaxSkew, ""},
		"early by a second more":    {"20251123/eu-west-1/sts/aws4_request", -MaxSkew - time.Second, "Signature not yet current: 20251123T120000Z is still later than 20251123T115959Z (20251123T114459Z + 15 min.)"},
		"another service":           {"20251123/eu-west-1/iam/aws4_request", 0, "Credential should be scoped to correct service: 'sts'. "},
		"another terminator":        {"20251123/eu-west-1/sts/aws5_request", 0, "Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5_request'. "},
		"another day":               {"20251122/eu-west-1/sts/aws4_request", 0, "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20251122' != '20251123', from '20251123T120000Z'. "},
		"two wrong scopes":          {"20251123/eu-west-1/iam/x", 0, "Credential should be scoped to correct service: 'sts'. Credential should be scoped with a valid terminator: 'aws4_request', not 'x'. "},
		"the clock before scope":    {"x/eu-west-1/iam/x", time.Hour, "Signature expired: "},
		"any region, no checks yet": {"20251123/mars/sts/aws4_request", 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := Parse(Request{Header: http.Header{"X-Amz-Date": {goodDate}, "Authorization": {
				strings.Replace(goodAuth, scopeText, "AKID/"+test.credential, 1),
			}}})
			if err != nil {
				t.Fatal(err)
			}
			err = NewVerifier("sts").Verify(s, rolestore.NewSecret(testSecret), testTime.Add(test.after))
			e := asError(t, err)
			want := test.want
			if want == "" {
				want = "The request signature we calculated does not match the signature you provided."
			}
			if e.Code != "SignatureDoesNotMatch" || e.Status != 403 || !strings.HasPrefix(e.Message, want) {
				t.Errorf("got  %v\nwant %s", e, want)
			}
		})
	}
}

func TestAPresignedURLIsGoodFor15MinutesWhateverItSays(t *testing.T) {
	s, err := Parse(presignedGet(t)) // X-Amz-Expires=60
	if err != nil {
		t.Fatal(err)
	}
	for after, want := range map[time.Duration]bool{2 * time.Minute: true, MaxSkew + time.Second - 1: true, MaxSkew + time.Second: false} {
		err := NewVerifier("sts").Verify(s, rolestore.NewSecret(testSecret), testTime.Add(after))
		if (err == nil) != want {
			t.Errorf("after %s: got %v", after, err)
		}
	}
}

func TestRegionErrorHasAWSText(t *testing.T) {
	const want = "SignatureDoesNotMatch: Credential should be scoped to a valid region, not 'mars'. "
	if err := (&Signature{Region: "mars"}).RegionError(); err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
	if err := (&Signature{}).RegionError(); err.Error() != "SignatureDoesNotMatch: Credential should be scoped to a valid region. " {
		t.Errorf("got %q", err)
	}
}

func TestVerifyBoundsTheSignedHeaders(t *testing.T) {
	r := newRequest(t, "https://localhost/", "")
	r.Header["X-Long"] = []string{strings.Repeat("a", maxHeader), "b"}
	signHTTP(t, r, "", "")
	_, err := verify(received(t, r))
	if e := asError(t, err); e.Code != "IncompleteSignature" {
		t.Errorf("got %v", e)
	}
}

func TestPrintingASignatureShowsNoToken(t *testing.T) {
	for _, r := range []Request{signedPost(t), presignedGet(t)} {
		s, err := Parse(r)
		if err != nil {
			t.Fatal(err)
		}
		for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
			if text := fmt.Sprintf(format+format, s, *s); strings.Contains(text, testToken[:12]) {
				t.Errorf("%s prints the token: %s", format, text)
			}
		}
	}
}
