package sigv4

import (
	"net/http"
	"testing"
	"time"

	"github.com/rolecall/rolecall/rolestore"
)

// AWS's own known answers: the AWS Signature Version 4 test suite (its requests
// are of 2015-08-30, its service is called service), and the ListUsers example of
// the signing guide.
func TestVerifyAcceptsAWSKnownAnswers(t *testing.T) {
	form := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	for name, test := range map[string]struct {
		request   Request
		service   string
		names     string
		signature string
	}{
		"get-vanilla": {
			Request{Method: "GET", Path: "/", Host: "example.amazonaws.com"},
			"service", "host;x-amz-date",
			"5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
		},
		"get-vanilla-query-order-key-case": {
			Request{Method: "GET", Path: "/", Host: "example.amazonaws.com", RawQuery: "Param2=value2&Param1=value1"},
			"service", "host;x-amz-date",
			"b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
		},
		"get-header-value-trim": {
			Request{Method: "GET", Path: "/", Host: "example.amazonaws.com", Header: http.Header{
				"My-Header1": {" value1"}, "My-Header2": {` "a   b   c"`},
			}},
			"service", "host;my-header1;my-header2;x-amz-date",
			"acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
		},
		"post-x-www-form-urlencoded": {
			Request{Method: "POST", Path: "/", Host: "example.amazonaws.com", Header: form, Body: []byte("Param1=value1")},
			"service", "content-type;host;x-amz-date",
			"ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
		},
		"iam ListUsers": {
			Request{
				Method: "GET", Path: "/", Host: "iam.amazonaws.com", RawQuery: "Action=ListUsers&Version=2010-05-08",
				Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded; charset=utf-8"}},
			},
			"iam", "content-type;host;x-amz-date",
			"5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := test.request
			r.Header = r.Header.Clone()
			if r.Header == nil {
				r.Header = http.Header{}
			}
			r.Header.Set("X-Amz-Date", "20150830T123600Z")
			r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/"+test.service+
				"/aws4_request, SignedHeaders="+test.names+", Signature="+test.signature)
			s, err := Parse(r)
			if err != nil {
				t.Fatal(err)
			}
			now := time.Date(2015, 8, 30, 12, 36, 0, 0, time.UTC)
			secret := rolestore.NewSecret("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
			if err := NewVerifier(test.service).Verify(s, secret, now); err != nil {
				t.Fatal(err)
			}
		})
	}
}
