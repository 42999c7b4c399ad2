package sigv4

import (
	"net/http"
	"testing"
)

var queries = map[string]string{
	"no query":                           "",
	"parameters out of order":            "b=2&a=1&Z=26&c=3",
	"a repeated key in any value order":  "k=b&k=a&k=&k=c",
	"names that sort before '='":         "a=1&a-b=2&a.b=3&a%20b=4&a1=5",
	"an escape that sorts after a dash":  "k=a%2Fb&k=a-b&k=a~b",
	"empty values and bare names":        "empty=&bare&x=1",
	"a space as a plus sign":             "k=a+b&l=c+",
	"a space as an escape":               "k=a%20b",
	"an escaped plus sign":               "k=a%2Bb",
	"unicode":                            "stadt=K%C3%B6ln&%E2%82%AC=%F0%9F%98%80",
	"unicode that is not escaped":        "stadt=Köln",
	"lower-case escapes":                 "k=%2f%3a",
	"escapes of unreserved characters":   "k=%41%2D%5F%2E%7E",
	"reserved characters sent unescaped": "k=a/b:c@d!$'()*,",
	"an equals sign in a value":          "k=a=b==",
	"an AssumeRole by GET":               testForm,
}

func TestVerifyAcceptsWhatTheSDKSigns(t *testing.T) {
	for name, query := range queries {
		t.Run(name, func(t *testing.T) {
			r := newRequest(t, "https://localhost:8473/?"+query, testForm)
			signHTTP(t, r, testForm, testToken)
			s, err := verify(received(t, r))
			if err != nil {
				t.Fatal(err)
			}
			if s.Presigned || s.SessionToken.Reveal() != testToken || s.AccessKeyID != testKey ||
				s.Region != "eu-west-1" || s.Service != "sts" || !s.Time.Equal(testTime) {
				t.Errorf("read %+v", s)
			}
		})
	}
}

func TestVerifyAcceptsWhatTheSDKPresigns(t *testing.T) {
	for name, query := range queries {
		t.Run(name, func(t *testing.T) {
			r := newRequest(t, "https://localhost:8473/?"+query, "")
			s, err := verify(received(t, presign(t, r, testToken)))
			if err != nil {
				t.Fatal(err)
			}
			if !s.Presigned || s.SessionToken.Reveal() != testToken || s.AccessKeyID != testKey {
				t.Errorf("read %+v", s)
			}
		})
	}
}

func TestVerifyAcceptsTheSignedHeadersOfOtherClients(t *testing.T) {
	const emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	for name, test := range map[string]struct {
		form   string
		header http.Header
	}{
		"SDK for Java: a retry's headers": {testForm, http.Header{
			"Amz-Sdk-Invocation-Id": {"0c1f1c37-7b1d-4e3e-8d44-0c9e3a1c9b1a"},
			"Amz-Sdk-Request":       {"attempt=1; max=4"},
		}},
		"Envoy: a GET with the hash of nothing": {"", http.Header{
			"Accept": {"application/json"}, "X-Amz-Content-Sha256": {emptyHash},
		}},
		"Vault: its own server id":          {testForm, http.Header{"X-Vault-Aws-Iam-Server-Id": {"vault.example.com"}}},
		"a value with runs of spaces":       {testForm, http.Header{"X-Spaced": {"a   b  c"}}},
		"a header sent several times":       {testForm, http.Header{"X-Many": {"b", "a  1", "c"}}},
		"a header with an empty value":      {testForm, http.Header{"X-Empty": {""}}},
		"a value that is not ASCII":         {testForm, http.Header{"X-Stadt": {"Köln"}}},
		"a value with commas and semicolon": {testForm, http.Header{"X-List": {"a,b; c=d"}}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRequest(t, "http://127.0.0.1:8473/", test.form)
			for key, values := range test.header {
				r.Header[key] = values
			}
			signHTTP(t, r, test.form, "")
			if _, err := verify(received(t, r)); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestVerifyAcceptsAPathThatIsEscaped(t *testing.T) {
	for _, path := range []string{"", "/", "/a%20b/c", "/stadt/K%C3%B6ln", "/a~b-c_d.e"} {
		r := newRequest(t, "http://localhost"+path, "")
		signHTTP(t, r, "", "")
		if _, err := verify(received(t, r)); err != nil {
			t.Errorf("path %q: %v", path, err)
		}
	}
}
