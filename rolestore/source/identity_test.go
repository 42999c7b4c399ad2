package source

import (
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/rolestore/hosttoken"
	"github.com/rolecall/rolecall/rolestore/identity"
)

func TestADocumentIsAskedFor(t *testing.T) {
	const whole = `{"document":"{}","signature":"c2ln","pkcs7":"MIIC"}`
	declared := identity.Declared{Region: "eu-west-1"}
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		want   error
		say    string
	}{
		"signed":                        {says(200, whole), nil, ""},
		"no signature":                  {says(200, `{"document":"{}"}`), nil, "no signed document"},
		"another's instance":            {says(404, `{"message":"there is nothing of that name"}`), ErrNotFound, ""},
		"a core that does not know how": {says(404, ""), nil, "404"},
		"a host that was removed":       {says(403, `{"message":"x","code":"`+hosttoken.CodeUnknownHost+`"}`), ErrUnknownHost, ""},
		"an outage":                     {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, ErrAway, "does not answer"},
		"a page":                        {says(200, "<html>"), nil, "no JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			issuers(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				var got identity.Declared
				if err := json.NewDecoder(r.Body).Decode(&got); err != nil || !reflect.DeepEqual(got, declared) || r.URL.Path != "/rolecall/v1/leases/"+instance+"/identity-document" {
					t.Errorf("%s asks for %+v, %v", r.URL, got, err)
				}
				test.answer(w, r)
			}), func(t *testing.T, issuer, _ string, _ *asked) {
				client, endpoint, err := Dial(issuer, Trust{})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(client.CloseIdleConnections)
				c := NewCore(CoreConfig{Client: client, Endpoint: endpoint, Host: host, Key: newKey(t), Core: core, Now: func() time.Time { return noon }})
				signed, err := c.Identity(t.Context(), instance, declared)
				if ok := test.want == nil && test.say == ""; (err == nil) != ok || ok && signed.PKCS7 != "MIIC" {
					t.Errorf("%+v, %v", signed, err)
				}
				if test.want != nil && !errors.Is(err, test.want) || err != nil && !strings.Contains(err.Error(), test.say) {
					t.Errorf("%v, want %v and %q", err, test.want, test.say)
				}
			})
		})
	}
}
