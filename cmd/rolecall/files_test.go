package main

import (
	"path/filepath"
	"testing"
)

func TestDefaultPlaces(t *testing.T) {
	env := func(vars map[string]string) func(string) string { return func(k string) string { return vars[k] } }
	credentials := t.TempDir()
	h := &house{t: t, dir: credentials}
	h.write("rolecall.keys", "")
	for name, test := range map[string]struct {
		uid                  int
		env                  map[string]string
		state, keys, sockets string
	}{
		"root": {0, nil, "/var/lib/rolecall", "/etc/rolecall/keys", "/run/rolecall/agent.sock"},
		"a user in a session": {1000, map[string]string{"HOME": "/home/u", "XDG_RUNTIME_DIR": "/run/user/1000"},
			"/home/u/.local/state/rolecall", "/home/u/.config/rolecall/keys", "/run/user/1000/rolecall/agent.sock"},
		"a user without one": {1000, map[string]string{"HOME": "/home/u"},
			"/home/u/.local/state/rolecall", "/home/u/.config/rolecall/keys", "/home/u/.local/state/rolecall/agent.sock"},
		"a service with a credential": {0, map[string]string{"CREDENTIALS_DIRECTORY": credentials},
			"/var/lib/rolecall", filepath.Join(credentials, "rolecall.keys"), "/run/rolecall/agent.sock"},
		"a service with other credentials": {0, map[string]string{"CREDENTIALS_DIRECTORY": t.TempDir()},
			"/var/lib/rolecall", "/etc/rolecall/keys", "/run/rolecall/agent.sock"},
	} {
		t.Run(name, func(t *testing.T) {
			d := defaultsFor(test.uid, env(test.env))
			if d.stateDir != test.state || d.keys != test.keys || d.adminSocket != test.sockets {
				t.Errorf("got %+v, want %s, %s and %s", d, test.state, test.keys, test.sockets)
			}
		})
	}
}

func TestProxiesAreWarnedOf(t *testing.T) {
	for name, test := range map[string]struct {
		env  map[string]string
		want int
	}{
		"no proxy":                      {nil, 0},
		"a proxy for everything":        {map[string]string{"HTTP_PROXY": "http://proxy:3128"}, 1},
		"in lower case":                 {map[string]string{"http_proxy": "http://proxy:3128", "no_proxy": "localhost"}, 1},
		"a proxy with the exception":    {map[string]string{"HTTP_PROXY": "http://proxy:3128", "NO_PROXY": "localhost,169.254.169.254"}, 0},
		"a proxy that nothing goes to":  {map[string]string{"HTTP_PROXY": "http://proxy:3128", "NO_PROXY": "*"}, 0},
		"a proxy for encrypted traffic": {map[string]string{"HTTPS_PROXY": "http://proxy:3128"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := world{env: func(k string) string { return test.env[k] }}
			if got := proxyNotes(w); len(got) != test.want {
				t.Errorf("notes %q, want %d", got, test.want)
			}
		})
	}
}
