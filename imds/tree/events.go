package tree

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/rolecall/rolecall/rolestore"
)

// instant is how EC2 writes times in spot/ and events/recommendations/.
func instant(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

// ifTime is a leaf with a time, or none.
func ifTime(t time.Time, format string) string {
	if t.IsZero() {
		return ""
	}
	return fmt.Sprintf(format, instant(t))
}

// spotAction is spot/instance-action
// (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instance-termination-notices.html).
func spotAction(i rolestore.Instance) string {
	s := i.Events.SpotInterruption
	return ifTime(s.Time, `{"action": "`+s.Action+`", "time": "%s"}`)
}

// terminationTime is there too when the interruption is a termination.
func terminationTime(i rolestore.Instance) string {
	if s := i.Events.SpotInterruption; i.Events.TerminationTime.IsZero() && s.Action == "terminate" {
		return ifTime(s.Time, "%s")
	}
	return ifTime(i.Events.TerminationTime, "%s")
}

func rebalance(i rolestore.Instance) string {
	return ifTime(i.Events.RebalanceNotice, `{"noticeTime": "%s"}`)
}

// scheduled and history are events/maintenance/, of the future and of the past. Both are
// there, and empty, without an event.
func scheduled(i rolestore.Instance) string {
	return maintenance(i.Events, func(m rolestore.Maintenance) bool { return m.State == "active" })
}

func history(i rolestore.Instance) string {
	return maintenance(i.Events, func(m rolestore.Maintenance) bool { return m.State != "active" })
}

// ended is what EC2 puts before the description of an event of the past.
var ended = map[string]string{"completed": "[Completed] ", "canceled": "[Canceled] "}

func maintenance(e rolestore.Events, which func(rolestore.Maintenance) bool) string {
	const day = "2 Jan 2006 15:04:05 GMT"
	var all []string
	for _, m := range e.Maintenance {
		if !which(m) {
			continue
		}
		var lines []string
		for _, line := range [][2]string{
			{"NotBefore", m.NotBefore.UTC().Format(day)}, {"Code", m.Code}, {"Description", ended[m.State] + m.Description},
			{"EventId", m.EventID}, {"NotAfter", m.NotAfter.UTC().Format(day)}, {"State", m.State},
		} {
			value, _ := json.Marshal(line[1]) // a string always encodes
			lines = append(lines, fmt.Sprintf("    %q : %s", line[0], value))
		}
		all = append(all, "  {\n"+strings.Join(lines, ",\n")+"\n  }")
	}
	if len(all) == 0 {
		return "[]"
	}
	return "[\n" + strings.Join(all, ",\n") + "\n]"
}
