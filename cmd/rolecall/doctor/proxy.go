package doctor

import (
	"bufio"
	"context"
	"os"
	"strings"
)

// metadata is what a proxy must not get.
const metadata = "169.254.169.254"

// Proxied returns the variable that sends requests for credentials to a proxy, or an
// empty string: boto3 and Go ask a proxy for everything that NO_PROXY does not name.
// HTTPS_PROXY is for other URLs.
func Proxied(env func(string) string) string {
	for _, exception := range []string{"NO_PROXY", "no_proxy"} {
		value := env(exception)
		if strings.TrimSpace(value) == "*" || strings.Contains(value, metadata) {
			return ""
		}
	}
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"} {
		if env(name) != "" {
			return name
		}
	}
	return ""
}

// proxies are those of the caller, and of everybody who logs in (pam_env(8)).
func proxies(_ context.Context, h Host) []Finding {
	var findings []Finding
	find := func(name, where, remedy string) {
		if name != "" {
			findings = append(findings, Finding{
				Severity: Warning, What: name + " is set, and NO_PROXY does not name " + metadata + ": boto3 and Go would ask the proxy for credentials.",
				Where: where, Remedy: remedy,
			})
		}
	}
	find(Proxied(h.Env), "the environment of this command", `export NO_PROXY="${NO_PROXY:+$NO_PROXY,}`+metadata+`" no_proxy="${no_proxy:+$no_proxy,}`+metadata+`"`)
	if variables, err := read(h.Environment); err == nil {
		excepted := metadata
		for _, name := range []string{"NO_PROXY", "no_proxy"} {
			if variables[name] != "" {
				excepted = variables[name] + "," + metadata
			}
		}
		find(Proxied(func(name string) string { return variables[name] }), h.Environment,
			"printf 'NO_PROXY=%s\\nno_proxy=%s\\n' "+quoted(excepted)+" "+quoted(excepted)+" >> "+quoted(h.Environment))
	}
	return findings
}

// read returns the variables of an environment file: NAME=VALUE, perhaps in quotes,
// perhaps behind "export". The last of a name counts.
func read(path string) (map[string]string, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	variables := map[string]string{}
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		line := strings.TrimPrefix(strings.TrimSpace(lines.Text()), "export ")
		if name, value, ok := strings.Cut(line, "="); ok && !strings.HasPrefix(line, "#") {
			variables[strings.TrimSpace(name)] = strings.Trim(strings.TrimSpace(value), `"'`)
		}
	}
	return variables, lines.Err()
}
