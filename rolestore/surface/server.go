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
		Handler:           h,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       requestTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
	}
}
