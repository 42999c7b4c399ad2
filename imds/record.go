package imds

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/rolecall/rolecall/imds/container"
)

// Refusal is a request that was refused, kept because SDKs hide the reason.
type Refusal struct {
	// Time is when.
	Time time.Time
	// Peer is the caller's address and port.
	Peer string
	// Path is what was asked for, escaped and cut to 128 bytes, without what may be a secret.
	Path string
	// Status is HTTP's.
	Status int
	// Reason is what was wrong, and Remedy what an operator does about it.
	Reason, Remedy string
}

// maxPath bounds what one request puts into the log, in bytes.
const maxPath = 128

// record logs a refusal and keeps it as the instance's last. Neither holds a
// header or a query: both may hold a token. Who asks too often costs us no more than one
// record in a while.
func (s *Server) record(r *http.Request, in *instance, why *refusal) {
	if why.tooOften() && !in.throttle.kept.take(Limit{keptPerSecond, keptPerSecond}, 1, s.uptime()) {
		in.told.pass()
		return
	}
	if in != nil && (why == refusedHost || why == refusedBrowser) {
		in.byBrowser.Add(1)
	}
	s.tell(r.Context(), in, r.RemoteAddr, shownPath(r), why)
}

// tell logs what was refused, as long as the log has room for more of this instance, and
// keeps it.
func (s *Server) tell(ctx context.Context, in *instance, peer, path string, why *refusal) {
	level := slog.LevelInfo
	if why.status == http.StatusForbidden || why.status == http.StatusServiceUnavailable || why.tooOften() {
		level = slog.LevelWarn
	}
	id, told := "", &s.told
	if in != nil {
		id, told = in.id, &in.told
		in.refused.Store(&Refusal{Time: s.now(), Peer: peer, Path: path,
			Status: why.status, Reason: why.reason, Remedy: why.remedy})
	}
	if untold, ok := told.one(s.now()); ok {
		s.log.Log(ctx, level, "metadata request refused", "instance_id", id, "peer", peer,
			"path", path, "status", why.status, "reason", why.reason, "remedy", why.remedy, "untold", untold)
	}
}

// shownPath is the path of a request as it may be shown: in ASCII, for a terminal takes
// some characters for commands. Where containers ask in ECS's
// form, what they ask for is a secret or was meant to be one, in whatever place it stands;
// and elsewhere if it is in such a path.
func shownPath(r *http.Request) string {
	path := r.URL.Path
	if before, _, found := strings.Cut(path, container.TaskPath); found {
		path = before + container.TaskPath
	} else if connOf(r.Context()).form == Task {
		path = ""
	}
	path = path[:min(len(path), maxPath)] // no more than is shown is escaped
	path = (&url.URL{Path: path}).EscapedPath()
	return path[:min(len(path), maxPath)]
}
