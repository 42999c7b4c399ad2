package hosttoken

import (
	"errors"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
)

func TestACallSaysWhatItsHostSaid(t *testing.T) {
	key := newKey(t)
	call := Call{Host: sound.Host, Core: sound.Core, Method: "DELETE", Path: "/v1/leases/i-1"}
	token, err := SignCall(key, call, now)
	if err != nil {
		t.Fatal(err)
	}
	got, err := VerifyCall(token, sound.Core, registry(key), now)
	if err != nil || !got.Issued.Equal(now) || len(got.Once) < minOnce {
		t.Errorf("VerifyCall = %+v, %v", got, err)
	}
	if call.Once, call.Issued = got.Once, got.Issued; got != call {
		t.Errorf("VerifyCall = %+v, want %+v", got, call)
	}
	if _, err := Verify(token, sound.Core, registry(key), now); !errors.Is(err, ErrInvalid) {
		t.Errorf("taken for a token for a role: %v", err)
	}
	if Is(token) {
		t.Error("Is takes a call for a host token")
	}
	if _, err := VerifyCall(token, sound.Core, registry(key), now.Add(MaxLifetime)); !errors.Is(err, ErrExpired) {
		t.Errorf("after its time: %v", err)
	}
}

func TestRefusedCalls(t *testing.T) {
	key := newKey(t)
	for want, change := range map[string]func(*callWire){
		"htm":          func(w *callWire) { w.Method = "" },
		"htu":          func(w *callWire) { w.Path = "" },
		"jti":          func(w *callWire) { w.ID = "" },
		"lives longer": func(w *callWire) { w.ExpiresAt = jwt.NewNumericDate(now.Add(2 * MaxLifetime)) },
		"audience":     func(w *callWire) { w.Audience = jwt.ClaimStrings{"core-2"} },
	} {
		w := callWire{registered(sound.Host, sound.Core, "", now), "GET", "/"}
		change(&w)
		token, err := sign(key, CallType, w)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := VerifyCall(token, sound.Core, registry(key), now); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("VerifyCall: %v, want %q", err, want)
		}
	}
}
