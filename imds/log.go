package imds

import (
	"log"
	"log/slog"
	"strings"
)

// faults passes on what net/http reports: panics with their stack, and failing
// listeners. It reports no headers.
type faults struct{ log *slog.Logger }

func faultLog(l *slog.Logger) *log.Logger { return log.New(faults{l}, "", 0) }

func (f faults) Write(line []byte) (int, error) {
	f.log.Error("metadata server fault", "err", strings.TrimSpace(string(line)))
	return len(line), nil
}
