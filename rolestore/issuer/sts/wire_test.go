package sts

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/rolestore/issuer/query"
)

var (
	uuid      = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}`)
	errorCode = regexp.MustCompile(`<Code>(.*)</Code>\n    <Message>(.*)</Message>`)
)

// refused expects a refusal in XML and returns its message.
func refused(t *testing.T, reply *httptest.ResponseRecorder, status int, code string) string {
	t.Helper()
	m := errorCode.FindStringSubmatch(reply.Body.String())
	if reply.Code != status || m == nil || m[1] != code {
		t.Fatalf("got %d %s, want %d %s", reply.Code, reply.Body, status, code)
	}
	return m[2]
}

// requestID is the one in the header, in AWS's spelling.
func requestID(reply *httptest.ResponseRecorder) string {
	for name, values := range reply.Header() {
		if name == "x-amzn-RequestId" {
			return values[0]
		}
	}
	return ""
}

// answered expects success.
func answered(t *testing.T, reply *httptest.ResponseRecorder) {
	t.Helper()
	if reply.Code != http.StatusOK {
		t.Fatalf("got %d %s", reply.Code, reply.Body)
	}
}

func TestRepliesAreAWSsToTheByte(t *testing.T) {
	w := newWorld(t, standard())
	c := w.session(t, account, "plain")
	id := w.directory.Snapshot().RoleByName(account, "plain").UniqueID
	const arn = "arn:aws:sts::" + account + ":assumed-role/plain/" + callerID
	for _, test := range []struct {
		name   string
		action string
		json   bool
		want   string
	}{
		{"an identity", "GetCallerIdentity", false, `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <GetCallerIdentityResult>
    <Arn>` + arn + `</Arn>
    <UserId>` + id + ":" + callerID + `</UserId>
    <Account>` + account + `</Account>
  </GetCallerIdentityResult>
  <ResponseMetadata>
    <RequestId>ID</RequestId>
  </ResponseMetadata>
</GetCallerIdentityResponse>
`},
		{"an identity as JSON", "GetCallerIdentity", true, `{"GetCallerIdentityResponse":{"GetCallerIdentityResult":{"Arn":"` + arn + `","UserId":"` + id + ":" + callerID +
			`","Account":"` + account + `"},"ResponseMetadata":{"RequestId":"ID"}}}` + "\n"},
		{"a refusal", "GetNothing", false, `<ErrorResponse xmlns="http://webservices.amazon.com/AWSFault/2005-15-09">
  <Error>
    <Type>Sender</Type>
    <Code>InvalidAction</Code>
    <Message>Could not find operation GetNothing for version 2011-06-15</Message>
  </Error>
  <RequestId>ID</RequestId>
</ErrorResponse>
`},
		{"a refusal as JSON", "GetNothing", true,
			`{"Error":{"Code":"InvalidAction","Message":"Could not find operation GetNothing for version 2011-06-15","Type":"Sender"},"RequestId":"ID"}` + "\n"},
		{"a refusal that quotes markup", `<a>&"'`, false, `<ErrorResponse xmlns="http://webservices.amazon.com/AWSFault/2005-15-09">
  <Error>
    <Type>Sender</Type>
    <Code>InvalidAction</Code>
    <Message>Could not find operation &lt;a&gt;&amp;"' for version 2011-06-15</Message>
  </Error>
  <RequestId>ID</RequestId>
</ErrorResponse>
`},
		{"a refusal that quotes what no XML may have", "a\x00\r\n\t\ufffe\xff", false, `<ErrorResponse xmlns="http://webservices.amazon.com/AWSFault/2005-15-09">
  <Error>
    <Type>Sender</Type>
    <Code>InvalidAction</Code>
    <Message>Could not find operation a` + "\ufffd&#xD;\n\t\ufffd\ufffd" + ` for version 2011-06-15</Message>
  </Error>
  <RequestId>ID</RequestId>
</ErrorResponse>
`},
		{"a refusal that quotes quotes as JSON", "a\"\\b\x01", true,
			`{"Error":{"Code":"InvalidAction","Message":"Could not find operation a\"\\b\u0001 for version 2011-06-15","Type":"Sender"},"RequestId":"ID"}` + "\n"},
		{"a refusal that quotes a backslash as JSON", "a\\b", true,
			`{"Error":{"Code":"InvalidAction","Message":"Could not find operation a\\b for version 2011-06-15","Type":"Sender"},"RequestId":"ID"}` + "\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := w.signed(t, c, form(test.action))
			media := "text/xml"
			if test.json {
				media = "application/json"
				r.Header.Set("Accept", media)
			}
			reply := w.send(r)
			ids := uuid.FindAllString(reply.Body.String(), -1)
			if len(ids) != 1 || requestID(reply) != ids[0] {
				t.Fatalf("the request's id is %s in the header and %v in the body", requestID(reply), ids)
			}
			if got := strings.Replace(reply.Body.String(), ids[0], "ID", 1); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
			if h := reply.Header(); h.Get("Content-Type") != media || h.Get("Cache-Control") != "no-store" {
				t.Errorf("the headers are %v", h)
			}
		})
	}
}

func TestARequestIDIsNotUsedTwice(t *testing.T) {
	w := newWorld(t, standard())
	first, second := w.send(get(form("X"))), w.send(get(form("X")))
	if first.Body.String() == second.Body.String() {
		t.Error("two requests have one id")
	}
}

func TestJSONHasTheExpirationInSeconds(t *testing.T) {
	w := newWorld(t, standard())
	f := form("AssumeRole", "RoleArn", roleARN(account, "target"), "RoleSessionName", "alice")
	for _, accept := range []string{"application/json", "text/html, application/json;q=0.9", "Application/JSON"} {
		r := w.signed(t, w.session(t, account, "web"), f)
		r.Header.Set("Accept", accept)
		reply := w.send(r)
		answered(t, reply)
		var body struct {
			AssumeRoleResponse struct {
				AssumeRoleResult struct {
					Credentials struct{ Expiration json.Number }
				}
			}
		}
		if err := json.Unmarshal(reply.Body.Bytes(), &body); err != nil {
			t.Fatal(err)
		}
		seconds, err := body.AssumeRoleResponse.AssumeRoleResult.Credentials.Expiration.Int64()
		if want := w.clock().Add(time.Hour).Unix(); err != nil || seconds != want || strings.Contains(reply.Body.String(), `"Expiration":"`) {
			t.Errorf("%s: Expiration is not the number %d: %s", accept, want, reply.Body.String()[:60])
		}
	}
}

func TestXMLHasTheExpirationInWholeSecondsOfUTC(t *testing.T) {
	w := newWorld(t, standard())
	w.mu.Lock()
	w.now = w.now.Add(time.Second / 3).In(time.FixedZone("KST", 9*60*60))
	w.mu.Unlock()
	f := form("AssumeRole", "RoleArn", roleARN(account, "target"), "RoleSessionName", "alice")
	reply := w.send(w.signed(t, w.session(t, account, "web"), f))
	want := "<Expiration>" + w.clock().UTC().Add(time.Hour).Format("2006-01-02T15:04:05Z") + "</Expiration>"
	if !strings.Contains(reply.Body.String(), want) {
		t.Errorf("the reply lacks %s", want)
	}
}

// What AWS's front end answers is told by its namespace.
func TestARefusalOfTheServiceIsInItsNamespace(t *testing.T) {
	w := newWorld(t, standard())
	reply := w.send(post(form("GetCallerIdentity")))
	refused(t, reply, 403, "MissingAuthenticationToken")
	if !strings.HasPrefix(reply.Body.String(), `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">`) {
		t.Errorf("got %s", reply.Body)
	}
	got := refused(t, w.send(get(url.Values{"Action": {"GetCallerIdentity"}})), 400, "InvalidAction")
	if got != "Could not find operation GetCallerIdentity for version NO_VERSION_SPECIFIED" {
		t.Errorf("got %q", got)
	}
	got = refused(t, w.send(get(url.Values{"Action": {"GetCallerIdentity"}, "Version": {"2010-05-08"}})), 400, "NoSuchVersion")
	if got != "The requested version ( 2010-05-08 ) is not valid." {
		t.Errorf("got %q", got)
	}
}

// many returns n parameters.
func many(n int) string {
	names := make([]string, n)
	for i := range names {
		names[i] = "p" + strconv.Itoa(i)
	}
	return strings.Join(names, "&")
}

func TestMalformedRequestsAreRefused(t *testing.T) {
	w := newWorld(t, standard())
	raw := func(method, target, contentType, body string) *http.Request {
		r := httptest.NewRequest(method, "http://127.0.0.1"+target, strings.NewReader(body))
		r.Header.Set("Content-Type", contentType)
		return r
	}
	const formType = "application/x-www-form-urlencoded"
	const identity = "Action=GetCallerIdentity&Version=2011-06-15"
	for _, test := range []struct {
		name   string
		r      *http.Request
		status int
		code   string
	}{
		{"no action", get(url.Values{"Version": {version}}), 400, "MissingAction"},
		{"an empty action", get(form("")), 400, "MissingAction"},
		{"nothing at all", raw("GET", "/", "", ""), 400, "MissingAction"},
		{"an empty POST", raw("POST", "/", formType, ""), 400, "MissingAction"},
		{"an unknown action", get(form("GetNothing")), 400, "InvalidAction"},
		{"an action in another case", get(form("getCallerIdentity")), 400, "InvalidAction"},
		{"no version", get(url.Values{"Action": {"GetCallerIdentity"}}), 400, "InvalidAction"},
		{"another version", get(url.Values{"Action": {"GetCallerIdentity"}, "Version": {"2010-05-08"}}), 400, "NoSuchVersion"},
		{"another path", raw("POST", "/sts", formType, identity), 404, "InvalidAction"},
		{"a path that is escaped", raw("POST", "/%2f", formType, identity), 404, "InvalidAction"},
		{"a PUT", raw("PUT", "/", formType, identity), 405, "MethodNotAllowed"},
		{"a HEAD", raw("HEAD", "/?"+identity, "", ""), 405, "MethodNotAllowed"},
		{"a POST of JSON", raw("POST", "/", "application/json", identity), 400, "MalformedInput"},
		{"a POST of a page's plain text", raw("POST", "/", "text/plain", identity), 400, "MalformedInput"},
		{"a POST of unknown type", raw("POST", "/", "", identity), 400, "MalformedInput"},
		{"a GET with a body", raw("GET", "/?"+identity, formType, "Policy=x"), 400, "MalformedInput"},
		{"a parameter that is given twice", raw("POST", "/", formType, identity+"&RoleArn=a&RoleArn=b"), 400, "MalformedInput"},
		{"a parameter of both query and body", raw("POST", "/?Action=X", formType, identity), 400, "MalformedInput"},
		{"an escape that is none", raw("POST", "/", formType, identity+"&a=%zz"), 404, "MalformedQueryString"},
		{"a semicolon", raw("POST", "/", formType, identity+";a=b"), 404, "MalformedQueryString"},
		{"too many parameters", raw("POST", "/", formType, identity+"&"+many(query.MaxParameters-1)), 400, "MalformedInput"},
		{"as many as there may be", raw("POST", "/", formType, identity+"&"+many(query.MaxParameters-2)), 403, "MissingAuthenticationToken"},
		{"too large a body", raw("POST", "/", formType, identity+"&a="+strings.Repeat("a", query.MaxBody)), 413, "RequestEntityTooLarge"},
	} {
		t.Run(test.name, func(t *testing.T) {
			reply := w.send(test.r)
			refused(t, reply, test.status, test.code)
			if allow := reply.Header().Get("Allow"); (allow == "GET, POST") != (test.status == http.StatusMethodNotAllowed) {
				t.Errorf("Allow is %q", allow)
			}
		})
	}
}

func TestABodyMayComeInChunks(t *testing.T) {
	w := newWorld(t, standard())
	r := post(redemption(w.hostToken(t, w.claims())))
	r.ContentLength = -1
	answered(t, w.send(r))
	r = get(redemption(w.hostToken(t, w.claims())))
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader("Policy=x")), -1
	refused(t, w.send(r), http.StatusBadRequest, "MalformedInput")
}

// What is wrong with the service is for its log.
func TestAFaultOfOursTellsNothing(t *testing.T) {
	e := query.Translate(errors.New("open /var/lib/rolecall: no such file"))
	body := string(query.Refusal(namespace, e, "ID", false).Body)
	if e.Status != http.StatusInternalServerError || e.Reason == "" ||
		!strings.Contains(body, "<Type>Receiver</Type>\n    <Code>InternalFailure</Code>") || strings.Contains(body, "rolecall") {
		t.Errorf("%d: %s", e.Status, body)
	}
}

func TestRequestsOfWebPagesAreRefused(t *testing.T) {
	w := newWorld(t, standard())
	c := w.session(t, account, "plain")
	for name, change := range map[string]func(*http.Request){
		"a name that was pointed at us": func(r *http.Request) { r.Host = "attacker.example" },
		"an Origin":                     func(r *http.Request) { r.Header.Set("Origin", "https://attacker.example") },
		"metadata of a fetch":           func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") },
	} {
		t.Run(name, func(t *testing.T) {
			f := form("GetCallerIdentity")
			r := post(f)
			change(r) // and only then is it signed
			refused(t, w.send(sign(t, r, f.Encode(), c, w.clock())), http.StatusForbidden, "AccessDenied")
		})
	}
	for _, host := range []string{"localhost:8473", "[::1]:8473", "169.254.169.254"} {
		f := form("GetCallerIdentity")
		r := post(f)
		r.Host = host
		answered(t, w.send(sign(t, r, f.Encode(), c, w.clock())))
	}
}
