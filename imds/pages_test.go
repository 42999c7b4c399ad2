package imds_test

import (
	"strings"
	"testing"
)

// pageOf is EC2's page of a status. Its encodings differ.
func pageOf(status, encoding string) string {
	return `<?xml version="1.0" encoding="` + encoding + `"?>
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN"
	"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en" lang="en">
 <head>
  <title>` + status + `</title>
 </head>
 <body>
  <h1>` + status + `</h1>
 </body>
</html>
`
}

// TestRefusalsHaveEC2sPages, to the byte, and nothing of the router's or of net/http's.
func TestRefusalsHaveEC2sPages(t *testing.T) {
	h := newHost(t)
	h.Put(web())
	token := sessHeader + ": " + h.token(t, webID)
	for _, tc := range []struct {
		lines             []string
		status            int
		kind, allow, body string
	}{
		{[]string{"PUT " + tokenPath, ttlHeader + ": 0"}, 400, "text/html", "", pageOf("400 - Bad Request", "UTF-8")},
		{[]string{"GET /latest/meta-data/"}, 401, "text/html", "", pageOf("401 - Unauthorized", "UTF-8")},
		{[]string{"GET /latest/nothing", token}, 404, "text/html", "", pageOf("404 - Not Found", "iso-8859-1")},
		{[]string{"HEAD /latest/nothing", token}, 404, "text/html", "", ""},
		{[]string{"GET /latest/meta-data/", token, "Origin: null"}, 403, "text/plain", "", ""},
		{[]string{"GET /latest/meta-data/", token, "Expect: 100-continue"}, 417, "text/plain", "", ""},
		{[]string{"POST /latest/meta-data/", token}, 405, "text/plain", "GET, HEAD", ""},
		{[]string{"POST " + tokenPath, token}, 405, "text/plain", "PUT", ""},
		{[]string{"GET " + tokenPath, token}, 405, "text/plain", "PUT", ""},
	} {
		lines := append([]string{tc.lines[0] + " HTTP/1.1", hostIP}, tc.lines[1:]...)
		resp := h.ask(t, webID, lines...)
		got := body(t, resp)
		if strings.HasPrefix(tc.lines[0], "HEAD") {
			got = "" // net/http leaves it out, which a recorder does not
		}
		if resp.StatusCode != tc.status || got != tc.body {
			t.Errorf("%s: %s %q, want %d %q", tc.lines[0], resp.Status, got, tc.status, tc.body)
		}
		if kind, allow := resp.Header.Get("Content-Type"), strings.Join(resp.Header["Allow"], "|"); kind != tc.kind || allow != tc.allow {
			t.Errorf("%s: Content-Type %q, Allow %q, want %q, %q", tc.lines[0], kind, allow, tc.kind, tc.allow)
		}
	}
}

// TestUserDataIsWhatItWasGivenAs has the one leaf that is no text, whatever is in it.
func TestUserDataIsWhatItWasGivenAs(t *testing.T) {
	h := newHost(t)
	i := web()
	i.UserData = []byte("#!/bin/sh\n\x00\xff<&\n\n")
	h.Put(i)
	resp := h.get(t, "/latest/user-data")
	if got := body(t, resp); resp.StatusCode != 200 || got != string(i.UserData) {
		t.Errorf("%s %q", resp.Status, got)
	}
	if kind := resp.Header.Get("Content-Type"); kind != "application/octet-stream" {
		t.Errorf("Content-Type: %s", kind)
	}
	if kind := h.get(t, "/latest/meta-data/instance-id").Header.Get("Content-Type"); kind != "text/plain" {
		t.Errorf("another leaf has Content-Type: %s", kind)
	}
}

// TestWithoutARoleThereIsNoIAM, neither listed nor answered, so that SDKs go on to the
// next of their chain.
func TestWithoutARoleThereIsNoIAM(t *testing.T) {
	h := newHost(t)
	i := web()
	i.Profile.ARN, i.Profile.ID, i.Profile.Role.ARN = "", "", ""
	h.Put(i)
	if list := body(t, h.get(t, "/latest/meta-data/")); strings.Contains(list, "iam") || !strings.Contains(list, "instance-id") {
		t.Errorf("the list is %q", list)
	}
	for _, path := range []string{"iam", "iam/", "iam/info", "iam/security-credentials/", "iam/security-credentials/web-role"} {
		if resp := h.get(t, "/latest/meta-data/"+path); resp.StatusCode != 404 {
			t.Errorf("%s: %s", path, resp.Status)
		}
	}
}

// TestARefusedRoleIsSaidWithStatus200, as EC2 says it: clients that get another status
// take it for a service that is not there yet, and ask again.
func TestARefusedRoleIsSaidWithStatus200(t *testing.T) {
	h := newHost(t)
	h.Put(web())
	h.Refuse(web())
	for _, path := range []string{rolePath, infoPath} {
		if resp := h.get(t, path); resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/plain" {
			t.Errorf("%s: %s", path, resp.Status)
		}
	}
}
