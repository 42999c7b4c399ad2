package surface

import (
	"log/slog"
	"net/http"
	"time"
)

const (
	// headerTimeout ends a caller that sends its headers byte by byte.
	headerTimeout = 5 * time.Second

	// requestTimeout ends one that does so with its body.
	requestTimeout = 30 * time.Second

	// replyTimeout ends one that asks and does not take the answer, which would
	// hold its connection for ever. It runs from the end of the headers, so that a
	// body that takes its time leaves some for the reply.
	replyTimeout = 60 * time.Second

	// idleTimeout closes kept connections. SDKs come back within minutes and then
	// open a new one at no noticeable cost.
	idleTimeout = 60 * time.Second

	// maxHeader bounds the header block, in bytes. A session token of 4,096
	// characters, a signature and what SDKs tell of themselves fit easily.
	maxHeader = 16 << 10
)

// Server returns an HTTP server for h with time-outs and a bounded header block.
// What net/http itself has to say goes to logger.
func Server(h http.Handler, logger *slog.Logger) *http.Server {
	return &http.Server{
		Handler:                      h,
		ReadHeaderTimeout:            headerTimeout,
		ReadTimeout:                  requestTimeout,
		WriteTimeout:                 replyTimeout,
		IdleTimeout:                  idleTimeout,
		MaxHeaderBytes:               maxHeader,
		DisableGeneralOptionsHandler: true, // OPTIONS * is h's to refuse as well
		ErrorLog:                     slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
	}
}
