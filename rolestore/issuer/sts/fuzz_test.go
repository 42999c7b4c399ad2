package sts

import (
	"encoding/json"
	"encoding/xml"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// FuzzHandler sends what an unauthenticated caller could. Whatever it is, the
// answer is well-formed, not ours to blame for, and holds no session: none of the
// seeds' signatures is right.
func FuzzHandler(f *testing.F) {
	w := newWorld(f, standard())
	w.unlimited() // a refusal for the rate alone would find nothing
	assume := form("AssumeRole", "RoleArn", roleARN(account, "target"), "RoleSessionName", "alice").Encode()
	r := w.signed(f, w.session(f, account, "web"), form("GetCallerIdentity"))
	const formType = "application/x-www-form-urlencoded"
	f.Add("POST", "", assume, formType, "", "", r.Header.Get("Authorization"), r.Header.Get("X-Amz-Date"), r.Header.Get("X-Amz-Security-Token"))
	f.Add("GET", assume+"&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=ASIAQ/20260101/eu-west-1/sts/aws4_request&X-Amz-Date=20260101T000000Z"+
		"&X-Amz-SignedHeaders=host&X-Amz-Expires=60&X-Amz-Signature=0&X-Amz-Security-Token=AQ", "", "", "application/json", "", "", "", "")
	f.Add("POST", "", redemption(altered(w.hostToken(f, w.claims()))).Encode(), formType, "text/xml, application/json;q=1", "", "", "", "")
	f.Add("POST", "Action=%00%ff&Version=2011-06-15", "", "", "", "localhost", "AWS4-HMAC-SHA256 Credential=", "x", "y")
	f.Add("PUT", ";", "Policy=x&Policy=y", "text/plain", ",", "[::1]", "Basic eA==", "", "")
	f.Fuzz(func(t *testing.T, method, query, body, contentType, accept, host, authorization, date, token string) {
		u := &url.URL{Scheme: "http", Host: "127.0.0.1", Path: "/", RawQuery: query}
		r := &http.Request{Method: method, URL: u, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Host: "127.0.0.1", RemoteAddr: "192.0.2.1:1",
			Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body))}
		if host != "" {
			r.Host = host
		}
		for name, value := range map[string]string{"Content-Type": contentType, "Accept": accept, "Authorization": authorization,
			"X-Amz-Date": date, "X-Amz-Security-Token": token} {
			if value != "" {
				r.Header.Set(name, value)
			}
		}
		reply := w.send(r.WithContext(t.Context()))
		if reply.Code < 400 || reply.Code > 499 {
			t.Fatalf("the status is %d: %s", reply.Code, reply.Body)
		}
		var err error
		if reply.Header().Get("Content-Type") == "application/json" {
			err = json.Unmarshal(reply.Body.Bytes(), new(struct{ Error struct{ Code string } }))
		} else {
			err = xml.Unmarshal(reply.Body.Bytes(), new(struct{ XMLName xml.Name }))
		}
		if err != nil || strings.Contains(reply.Body.String(), "<SecretAccessKey>") {
			t.Fatalf("%v: %s", err, reply.Body)
		}
	})
}

// FuzzForm signs whatever parameters there are: a caller with a right signature
// may send anything too.
func FuzzForm(f *testing.F) {
	w := newWorld(f, withPeople(role("open", trustAll(""))))
	w.unlimited()
	f.Add("AssumeRole", roleARN(account, "open"), "alice", "3600", "Policy", allowAll, false)
	f.Add("AssumeRole", roleARN(account, "open"), "alice", "3600", "PolicyArns.member.1.arn", readOnly, false)
	f.Add("AssumeRole", roleARN(account, "open"), "alice", "3600", "TransitiveTagKeys.member.1", "a", false)
	f.Add("AssumeRole", roleARN(account, "open"), "alice", "3600", "TokenCode", "123456", false)
	f.Add("GetFederationToken", "", "", "900", "Name", "bob", true)
	f.Add("GetSessionToken", "", "", "129600", "SerialNumber", aliceMFA, true)
	f.Add("GetAccessKeyInfo", "", "", "", "AccessKeyId", aliceKey, false)
	f.Add("DecodeAuthorizationMessage", "", "", "", "EncodedMessage", "AgEA", false)
	f.Add("AssumeRoot", "", "", "0", "TargetPrincipal", other, false)
	f.Add("GetWebIdentityToken", "", "", "60", "Audience.member.1", "a", true)
	f.Add("AssumeRole", roleARN(account, "target"), "alice", "3600", "ExternalId", "x1", false)
	f.Add("AssumeRole", roleARN(other, "target"), "", "-1", "Tags.member.1.Key", "\x00", true)
	f.Add("AssumeRoleWithWebIdentity", roleARN(account, "web"), callerID, "900", "WebIdentityToken", "a.b.c", true)
	f.Add("GetCallerIdentity", "", "", "", "X-Amz-Expires", "60", false)
	f.Fuzz(func(t *testing.T, action, role, name, seconds, parameter, value string, asJSON bool) {
		values := form(action, "RoleArn", role, "RoleSessionName", name, "DurationSeconds", seconds)
		values.Set(parameter, value)
		r := w.signed(t, alice, values)
		if asJSON {
			r.Header.Set("Accept", "application/json")
		}
		reply := w.send(r)
		if reply.Code >= 500 {
			t.Fatalf("the status is %d: %s", reply.Code, reply.Body)
		}
		if asJSON && !json.Valid(reply.Body.Bytes()) {
			t.Fatalf("not JSON: %s", reply.Body)
		}
		if !asJSON && xml.Unmarshal(reply.Body.Bytes(), new(struct{ XMLName xml.Name })) != nil {
			t.Fatalf("not XML: %s", reply.Body)
		}
	})
}
