package issuer

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/rolecall/rolecall/rolestore/hosttoken"
	"github.com/rolecall/rolecall/rolestore/issuer/directory"
)

// eventTimeout is how long a host may take to read what it is sent.
const eventTimeout = 30 * time.Second

// events answers [hosttoken.PathEvents]: how each of the host's instances stands, at
// first and whenever that changes. A host has one stream; the next one ends it, for a
// host that opens another has lost the one before.
func (a *hostAPI) events(g *gin.Context) {
	host := a.host(g)
	if host == nil {
		return
	}
	ctx, cancel := context.WithCancel(g.Request.Context())
	defer cancel()
	defer context.AfterFunc(a.stopping, cancel)()
	defer a.alone(host.ID, cancel)()
	watch := a.directory.Watch(host.ID)
	defer a.directory.Unwatch(watch)

	a.config.Logger.Debug("host listens", "host", host.ID, "peer", g.Request.RemoteAddr)
	g.Header("Content-Type", "application/x-ndjson")
	g.Header("Cache-Control", "no-store")
	g.Status(http.StatusOK)
	s := stream{api: a, host: host, g: g, sent: map[string]hosttoken.Event{}}
	heartbeat := time.NewTicker(hosttoken.Heartbeat)
	defer heartbeat.Stop()
	for err := s.send(true, nil); err == nil; {
		select {
		case <-ctx.Done():
			return
		case <-heartbeat.C:
			err = s.write([]byte("\n"))
		case <-watch.Changed():
			err = s.send(watch.Take())
		}
	}
}

// alone ends the host's stream before, and returns what is to be called at the end of
// this one.
func (c *Core) alone(host string, cancel context.CancelFunc) func() {
	c.streaming.Lock()
	defer c.streaming.Unlock()
	if c.streams == nil {
		c.streams = map[string]*context.CancelFunc{}
	}
	if before := c.streams[host]; before != nil {
		(*before)()
	}
	c.streams[host] = &cancel
	return func() {
		c.streaming.Lock()
		defer c.streaming.Unlock()
		if c.streams[host] == &cancel {
			delete(c.streams, host)
		}
	}
}

// stream is what is sent to a host.
type stream struct {
	api  *hostAPI
	host *directory.Host
	g    *gin.Context
	sent map[string]hosttoken.Event // by instance id
}

// send tells how the instances stand, or all of them that stand otherwise than the
// host was told. A host that is not registered any more, or with another key, is told
// that, and the stream ends.
func (s *stream) send(all bool, instances []string) error {
	now := s.api.directory.Snapshot().Host(s.host.ID)
	if now == nil || !now.Key.Equal(s.host.Key) {
		line, err := json.Marshal(hosttoken.Event{Removed: true})
		return errors.Join(hosttoken.ErrUnknownHost, err, s.write(append(line, '\n')))
	}
	var lines []byte
	tell := func(id string, again bool) error {
		event := s.api.desk.State(s.host.ID, id)
		if s.sent[id] == event && !again {
			return nil
		}
		s.sent[id] = event
		line, err := json.Marshal(event)
		lines = append(append(lines, line...), '\n')
		return err
	}
	for _, id := range instances {
		if err := tell(id, true); err != nil {
			return err
		}
	}
	if all {
		for _, lease := range s.api.directory.LeasesOf(s.host.ID) {
			if err := tell(lease.InstanceID, false); err != nil {
				return err
			}
		}
	}
	return s.write(lines)
}

// write sends what there is, and at first the headers.
func (s *stream) write(lines []byte) error {
	controller := http.NewResponseController(s.g.Writer)
	if err := controller.SetWriteDeadline(s.api.config.Now().Add(eventTimeout)); err != nil {
		return err
	}
	if _, err := s.g.Writer.Write(lines); err != nil {
		return err
	}
	return controller.Flush()
}
