package sts

import (
	"encoding/json"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/rolestore"
)

var inReply = regexp.MustCompile(`<(?:SecretAccessKey|SessionToken)>(.*)</`)

// TestNoSecretIsLogged makes calls of all kinds and looks for every secret of
// theirs in the log.
func TestNoSecretIsLogged(t *testing.T) {
	w := newWorld(t, standard())
	c, token := w.session(t, account, "web"), w.hostToken(t, w.claims())
	foreign := strings.Replace(token, ".", ".x", 1)
	wrong := c
	wrong.SessionToken = rolestore.NewSecret(altered(c.SessionToken.Reveal()))
	secrets := []string{c.SecretAccessKey.Reveal(), c.SessionToken.Reveal(), wrong.SessionToken.Reveal(), token, foreign}

	assume := form("AssumeRole", "RoleArn", roleARN(account, "target"), "RoleSessionName", "alice")
	for _, credentials := range []rolestore.Credentials{c, wrong} {
		for _, f := range []url.Values{
			assume, form("GetCallerIdentity"), form("GetNothing"), form("AssumeRole"),
			form("AssumeRole", "RoleArn", roleARN(account, "plain"), "RoleSessionName", "alice"),
		} {
			r := w.signed(t, credentials, f)
			_, signature, _ := strings.Cut(r.Header.Get("Authorization"), "Signature=")
			secrets = append(secrets, signature)
			for _, m := range inReply.FindAllStringSubmatch(w.send(r).Body.String(), -1) {
				secrets = append(secrets, m[1])
			}
			p := w.presigned(t, credentials, f)
			secrets = append(secrets, p.URL.Query().Get("X-Amz-Signature"))
			w.send(p)
		}
	}
	for _, f := range []url.Values{redemption(token), redemption(foreign), redemption(token, "RoleSessionName", "alice"), redemption(token, "RoleArn", "x")} {
		for _, m := range inReply.FindAllStringSubmatch(w.send(post(f)).Body.String(), -1) {
			secrets = append(secrets, m[1])
		}
		w.send(get(f))
	}
	w.advance(2 * time.Hour)
	w.send(post(redemption(token)))
	w.send(w.signed(t, c, assume))

	log := w.logged()
	if lines := strings.Count(log, "\n"); lines != 30 {
		t.Errorf("the log has %d lines for 30 calls", lines)
	}
	if len(secrets) < 5+20+2*2 {
		t.Fatalf("only %d secrets were seen", len(secrets))
	}
	for _, secret := range secrets {
		for _, form := range []string{secret, url.QueryEscape(secret), secret[len(secret)/2:]} {
			if secret == "" || strings.Contains(log, form) {
				t.Fatalf("the log has a secret of %d characters: %s", len(secret), log)
			}
		}
	}
}

func TestTheLogSaysWhoWhatAndWhyNot(t *testing.T) {
	w := newWorld(t, standard())
	c := w.session(t, account, "web")
	call := func(role string) map[string]any {
		t.Helper()
		w.log.Reset()
		reply := w.send(w.signed(t, c, form("AssumeRole", "RoleArn", roleARN(account, role), "RoleSessionName", "alice")))
		var line map[string]any
		if err := json.Unmarshal([]byte(w.logged()), &line); err != nil {
			t.Fatal(err)
		}
		if line["request_id"] != requestID(reply) {
			t.Errorf("the line is of another request: %v", line)
		}
		return line
	}
	const caller = "arn:aws:sts::" + account + ":assumed-role/web/" + callerID
	if line := call("target"); line["msg"] != "call answered" || line["caller"] != caller || line["role_arn"] != roleARN(account, "target") || line["session"] != "alice" {
		t.Errorf("success is logged as %v", line)
	}
	for role, reason := range map[string]string{"nowhere": "there is no such role", "plain": "because no resource-based policy allows the sts:AssumeRole action"} {
		if line := call(role); line["msg"] != "call refused" || line["caller"] != caller || line["role_arn"] != roleARN(account, role) ||
			line["code"] != "AccessDenied" || line["reason"] != reason {
			t.Errorf("a refusal is logged as %v", line)
		}
	}
}

func TestTheLogSaysWhichHostAndWhyNot(t *testing.T) {
	w := newWorld(t, standard())
	token := w.hostToken(t, w.claims())
	w.send(post(redemption(token)))
	if !strings.Contains(w.logged(), `"caller":"host `+hostID+`"`) {
		t.Errorf("success is logged as %s", w.logged())
	}
	w.send(post(redemption(token + "x")))
	if !strings.Contains(w.logged(), `"reason":"invalid host token: `) {
		t.Errorf("a refusal is logged as %s", w.logged())
	}
}

func TestAnUnknownCallerCannotFillTheLog(t *testing.T) {
	w := newWorld(t, standard())
	w.send(get(form(strings.Repeat("A", 1<<14), "RoleArn", strings.Repeat("B", 1<<14))))
	if n := len(w.logged()); n > 1024 {
		t.Errorf("a line has %d bytes", n)
	}
}
