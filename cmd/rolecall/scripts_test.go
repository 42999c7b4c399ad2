package main

import (
	"cmp"
	"flag"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var record = flag.Bool("record", false, "write what the scripts of testdata/imds are answered into them")

// scriptRoles are the profiles that the scripts' instances have.
const scriptRoles = `accounts:
  - id: "123456789012"
    roles:
      - role_name: default
        assume_role_policy_document: &trust
          Version: "2012-10-17"
          Statement: [{Effect: Allow, Principal: {Service: ec2.amazonaws.com}, Action: sts:AssumeRole}]
      - {role_name: web-role, path: /team/, assume_role_policy_document: *trust}
      - role_name: refused-role
        assume_role_policy_document:
          Version: "2012-10-17"
          Statement: [{Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: sts:AssumeRole}]
    instance_profiles:
      - {instance_profile_name: default, role: default}
      - {instance_profile_name: web, role: web-role}
      - {instance_profile_name: refused, role: refused-role}
`

// TestScripts plays every script of testdata/imds from a guest, against the program as it
// is run. With -record it writes down what it sees instead: look at the difference.
func TestScripts(t *testing.T) {
	paths, err := filepath.Glob("../../testdata/imds/*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	h := newHouse(t)
	h.write("core.yaml", scriptRoles)
	h.up()
	guest := h.guest("tap1")
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".txt")
		if name == "pending" {
			continue // see TestScriptOfAnAbsentCore
		}
		t.Run(name, func(t *testing.T) {
			s := readScript(t, path)
			h.putScripted(s)
			switch {
			case strings.Contains(strings.Join(s.instance, "\n"), "profile: refused"):
				h.until("the refusal", func() bool { return h.find(webGuest).LastError != "" })
			case strings.Contains(strings.Join(s.instance, "\n"), "http_endpoint: disabled"):
			default:
				h.instance("wait", webGuest)
				h.until("the signature", func() bool { return h.find(webGuest).RoleARN == "" || guest.signed() })
			}
			if name == "tree" {
				guest.checkTree(t, s)
			}
			guest.play(t, s)
			h.instance("rm", webGuest)
		})
	}
}

// TestScriptOfAnAbsentCore plays the script of an instance whose first credentials do not
// come, as the agent does not reach its core.
func TestScriptOfAnAbsentCore(t *testing.T) {
	h := newHouse(t)
	h.up().stop()
	h.startAgent("agent is ready")
	guest := h.guest("tap1")
	s := readScript(t, "../../testdata/imds/pending.txt")
	h.putScripted(s)
	h.until("the guest's device", func() bool { return h.find(webGuest).State == "attached" })
	guest.play(t, s)
}

// putScripted puts the script's instance at tap1.
func (h *house) putScripted(s *script) {
	h.t.Helper()
	h.write("guest.yaml", strings.Join(append(s.instance, "instance_id: "+webGuest, "attachment: {interface: tap1}"), "\n")+"\n")
	h.instance("put", "-f", h.path("guest.yaml"))
	for _, event := range s.events {
		h.instance(append([]string{"event"}, append(strings.Fields(event), webGuest)...)...)
	}
}

// signed reports whether the guest's identity document is.
func (h *house) signed() bool {
	status, token, err := h.request("PUT", metadata+hopsPath, "X-aws-ec2-metadata-token-ttl-seconds", "60")
	if err != nil || status != 200 {
		return false
	}
	_, list, _ := h.request("GET", identityPath, "X-aws-ec2-metadata-token", token)
	return list == everyForm
}

// volatile is what is not the same in each run, line by line, and how scripts show it.
var volatile = []struct {
	pattern *regexp.Regexp
	shown   string
}{
	{regexp.MustCompile(`^(Date|Last-Modified): \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$`), "$1: $$DATE"},
	{regexp.MustCompile(`^[A-Za-z0-9+/]{54}==$`), "$$TOKEN"},
	{regexp.MustCompile(`^[A-Za-z0-9+/=]{60,76}$`), "$$BASE64"},
	{regexp.MustCompile(`"(LastUpdated|Expiration|pendingTime)" : "\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"`), `"$1" : "$$TIME"`},
	{regexp.MustCompile(`"AccessKeyId" : "ASIA[A-Z2-7]{16}"`), `"AccessKeyId" : "$$KEY"`},
	{regexp.MustCompile(`"SecretAccessKey" : "[A-Za-z0-9+/]{40}"`), `"SecretAccessKey" : "$$SECRET"`},
	{regexp.MustCompile(`"Token" : "[A-Za-z0-9+/=]{100,}"`), `"Token" : "$$SESSION"`},
	{regexp.MustCompile(`"InstanceProfileId" : "AIPA[A-Z2-7]{17}"`), `"InstanceProfileId" : "$$PROFILE"`},
}

var base64Line = regexp.MustCompile(`^[A-Za-z0-9+/=]+$`)

// shown is a reply as scripts show it: lines of base64 as one, and no length of what is
// not always as long.
func shown(lines []string) []string {
	lines = slices.Clone(lines)
	varies := false
	for i, line := range lines {
		for _, v := range volatile {
			lines[i] = v.pattern.ReplaceAllString(lines[i], v.shown)
		}
		if i > 0 && lines[i-1] == "$BASE64" && base64Line.MatchString(line) {
			lines[i] = "$BASE64" // the last one, which is shorter
		}
		varies = varies || lines[i] != line && strings.Contains(lines[i], "$SESSION") || lines[i] == "$BASE64"
	}
	for i, line := range lines {
		if varies && strings.HasPrefix(line, "Content-Length: ") {
			lines[i] = "Content-Length: $LENGTH"
		}
	}
	return slices.CompactFunc(lines, func(a, b string) bool { return a == b && a == "$BASE64" })
}

// play carries out a script from a guest.
func (h *house) play(t *testing.T, s *script) {
	var first, token string
	for _, connection := range s.connections {
		c := dialFrom(t, h.ns, "169.254.169.254:80")
		closes := false
		for _, x := range connection {
			var got []string
			if _, err := c.Write([]byte(x.raw(first, token))); err != nil {
				t.Fatalf("%s:%d: %v", s.path, x.line, err)
			}
			for _, method := range x.methods() {
				lines, last, err := readReply(c.Reader, method)
				if err != nil {
					t.Fatalf("%s:%d: %v", s.path, x.line, err)
				}
				see := shown(lines)
				if body := see[len(see)-1]; body == "$TOKEN" {
					token = lines[len(lines)-1]
					first = cmp.Or(first, token)
				}
				got, closes = append(got, see...), last
			}
			if g, w := strings.Join(got, "\n"), strings.Join(x.want, "\n"); g != w && !*record {
				t.Errorf("%s:%d: %.200s: got\n%s\nwant\n%s", s.path, x.line, x.request[0], g, w)
			}
			x.want = got
		}
		if closes {
			if err := ended(c.Reader); err != nil {
				t.Errorf("%s:%d: %v", s.path, connection[0].line, err)
			}
		}
		if n := c.Buffered(); n > 0 {
			t.Errorf("%s:%d: %d bytes follow the last reply", s.path, connection[0].line, n)
		}
		_ = c.Close()
	}
	if *record {
		s.write(t)
	}
}
