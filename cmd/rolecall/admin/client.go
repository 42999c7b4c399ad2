package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"syscall"
	"time"
)

// callTimeout bounds a call. Everything that is asked for lies in memory.
const callTimeout = 5 * time.Second

// Client calls an admin API, the agent's or the core's, on its Unix socket.
type Client struct {
	socket string
	http   *http.Client
}

// NewClient returns a client for the API on that socket.
func NewClient(socket string) *Client {
	return &Client{socket: socket, http: &http.Client{
		Timeout: callTimeout,
		Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", socket)
		}},
	}}
}

// Status returns the agent's status.
func (c *Client) Status(ctx context.Context) (Status, error) {
	var s Status
	return s, c.Call(ctx, http.MethodGet, "/v1/status", nil, &s)
}

// Call sends in, if not nil, as JSON and decodes the answer into out. The error
// for a socket that cannot be used says why and what to do.
func (c *Client) Call(ctx context.Context, method, path string, in, out any) error {
	var body bytes.Buffer
	if in != nil {
		if err := json.NewEncoder(&body).Encode(in); err != nil {
			return err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://localhost"+path, &body)
	if err != nil {
		return err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return c.explain(err)
	}
	defer func() { _ = resp.Body.Close() }()
	decoder := json.NewDecoder(resp.Body)
	if resp.StatusCode != http.StatusOK {
		var refusal struct{ Message string }
		_ = decoder.Decode(&refusal) // an answer without a message has its status
		return fmt.Errorf("%s answers %s: %s", c.socket, resp.Status, refusal.Message)
	}
	if err := decoder.Decode(out); err != nil {
		return fmt.Errorf("%s: the answer is no JSON: %w", c.socket, err)
	}
	return nil
}

func (c *Client) explain(err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("nothing listens on %s: start rolecall, or name its socket with --admin-socket or --core-socket", c.socket)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s may not be opened by this user: become root or join the group rolecall, which is as good as root to Rolecall", c.socket)
	}
	return fmt.Errorf("%s: %w", c.socket, err)
}
