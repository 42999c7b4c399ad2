package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"syscall"
	"time"

	"github.com/rolecall/rolecall/rolestore"
)

const (
	// callTimeout bounds a call. Everything that is asked for lies in memory.
	callTimeout = 5 * time.Second

	// changeTimeout bounds one that changes something: the disk, the kernel and, for
	// the name of a profile, the core have a part in it.
	changeTimeout = 30 * time.Second
)

// Client calls an admin API, the agent's or the core's, on its Unix socket.
type Client struct {
	socket string
	http   *http.Client
}

// NewClient returns a client for the API on that socket.
func NewClient(socket string) *Client {
	return &Client{socket: socket, http: &http.Client{
		Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", socket)
		}},
	}}
}

// Status returns the agent's status.
func (c *Client) Status(ctx context.Context) (Status, error) {
	var s Status
	err := c.Call(ctx, http.MethodGet, "/v1/status", nil, &s)
	return s, err
}

// List returns all instances.
func (c *Client) List(ctx context.Context) ([]Instance, error) {
	var l list
	err := c.Call(ctx, http.MethodGet, "/v1/instances", nil, &l)
	return l.Instances, err
}

// Instance returns one instance.
func (c *Client) Instance(ctx context.Context, id string) (Instance, error) {
	var i Instance
	err := c.Call(ctx, http.MethodGet, instancePath(id), nil, &i)
	return i, err
}

// Environment returns the variables by which a container finds its credentials. They are
// secret.
func (c *Client) Environment(ctx context.Context, id string) (map[string]string, error) {
	var variables map[string]string
	err := c.Call(ctx, http.MethodGet, instancePath(id)+"/environment", nil, &variables)
	return variables, err
}

// Put registers or changes an instance. When it returns the instance is durable, and
// attached or waiting for its device.
func (c *Client) Put(ctx context.Context, d Document) (Instance, error) {
	var i Instance
	err := c.call(ctx, changeTimeout, http.MethodPut, instancePath(d.InstanceID), d, &i)
	return i, err
}

// Remove ends an instance.
func (c *Client) Remove(ctx context.Context, id string) error {
	return c.call(ctx, changeTimeout, http.MethodDelete, instancePath(id), nil, nil)
}

// Revoke ends the credentials that an instance has.
func (c *Client) Revoke(ctx context.Context, id string) error {
	return c.call(ctx, changeTimeout, http.MethodPost, instancePath(id)+"/revoke", nil, nil)
}

// Tell sets or clears an event of an instance.
func (c *Client) Tell(ctx context.Context, id string, change rolestore.EventChange) error {
	return c.call(ctx, changeTimeout, http.MethodPost, instancePath(id)+"/events", change, nil)
}

// Ready waits until an instance is ready, from 0 to 5 minutes. The error after that
// time is an [ErrNotReady] that says what is missing.
func (c *Client) Ready(ctx context.Context, id string, wait time.Duration) (Instance, error) {
	var i Instance
	path := instancePath(id) + "/ready?wait=" + url.QueryEscape(wait.String())
	err := c.call(ctx, max(0, wait)+callTimeout, http.MethodGet, path, nil, &i)
	return i, err
}

func instancePath(id string) string { return "/v1/instances/" + url.PathEscape(id) }

// Call sends in, if not nil, as JSON and decodes the answer into out, if not nil. The
// error for a socket that cannot be used says why and what to do; that for a refusal
// is one of this package's.
func (c *Client) Call(ctx context.Context, method, path string, in, out any) error {
	return c.call(ctx, callTimeout, method, path, in, out)
}

func (c *Client) call(ctx context.Context, timeout time.Duration, method, path string, in, out any) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
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
	if resp.StatusCode/100 != 2 {
		var r refusal
		_ = decoder.Decode(&r) // an answer without a message has its status
		return &answer{resp.StatusCode, fmt.Sprintf("%s answers %s: %s", c.socket, resp.Status, r.Message)}
	}
	if out == nil {
		_, err = io.Copy(io.Discard, resp.Body)
		return err
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
