package main

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
)

const metadata = "http://169.254.169.254"

// request sends a metadata request from inside the namespace.
func (h *house) request(method, url string, header ...string) (status int, body string, err error) {
	req, err := http.NewRequestWithContext(h.t.Context(), method, url, nil)
	if err != nil {
		return 0, "", err
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := h.http().Do(req)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text), err
}

// token gets a session token, or fails the test.
func (h *house) token() string {
	h.t.Helper()
	status, token, err := h.request(http.MethodPut, metadata+"/latest/api/token", "X-aws-ec2-metadata-token-ttl-seconds", "60")
	if err != nil || status != http.StatusOK {
		h.t.Fatalf("token: %d, %v", status, err)
	}
	h.secrets = append(h.secrets, token)
	return token
}

// get reads a path below /latest/meta-data/.
func (h *house) get(path string) (int, string) {
	h.t.Helper()
	status, body, err := h.request(http.MethodGet, metadata+"/latest/meta-data/"+path, "X-aws-ec2-metadata-token", h.token())
	if err != nil {
		h.t.Fatal(err)
	}
	return status, body
}

// role reads the credentials of the role.
func (h *house) role() map[string]string {
	h.t.Helper()
	status, name := h.get("iam/security-credentials/")
	if status != http.StatusOK || name == "" || strings.Contains(name, "\n") {
		h.t.Fatalf("role list: %d %q", status, name)
	}
	status, text := h.get("iam/security-credentials/" + name)
	var document map[string]string
	if err := json.Unmarshal([]byte(text), &document); err != nil || status != http.StatusOK || document["Code"] != "Success" {
		h.t.Fatalf("role document: %d %q %v", status, text, err)
	}
	h.secrets = append(h.secrets, document["SecretAccessKey"], document["Token"])
	return document
}

// tryRole is role for a service that may be gone, serve elsewhere or refuse the role.
func (h *house) tryRole() map[string]string {
	status, token, err := h.request(http.MethodPut, metadata+"/latest/api/token", "X-aws-ec2-metadata-token-ttl-seconds", "60")
	if err != nil || status != http.StatusOK {
		return nil
	}
	const path = metadata + "/latest/meta-data/iam/security-credentials/"
	status, name, err := h.request(http.MethodGet, path, "X-aws-ec2-metadata-token", token)
	if err != nil || status != http.StatusOK {
		return nil
	}
	_, text, err := h.request(http.MethodGet, path+name, "X-aws-ec2-metadata-token", token)
	var document map[string]string
	if err != nil || json.Unmarshal([]byte(text), &document) != nil || document["Code"] != "Success" {
		return nil
	}
	return document
}
