package tree_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/imds/tree"
	"github.com/rolecall/rolecall/rolestore"
	"github.com/rolecall/rolecall/rolestore/identity"
)

// TestEventsAreToldAsEC2Tells has each in EC2's own words, and nothing without one.
func TestEventsAreToldAsEC2Tells(t *testing.T) {
	at := time.Date(2019, 1, 21, 9, 0, 43, 0, time.UTC)
	m := rolestore.Maintenance{EventID: "instance-event-0d59937288b749b32", Code: "system-reboot", Description: "scheduled reboot",
		NotBefore: at, NotAfter: at.Add(17 * time.Minute), State: "active"}
	over, off := m, m
	over.State, off.State = "completed", "canceled"
	const event = `[
  {
    "NotBefore" : "21 Jan 2019 09:00:43 GMT",
    "Code" : "system-reboot",
    "Description" : "scheduled reboot",
    "EventId" : "instance-event-0d59937288b749b32",
    "NotAfter" : "21 Jan 2019 09:17:43 GMT",
    "State" : "active"
  }
]`
	for _, test := range []struct {
		events     rolestore.Events
		path, want string
	}{
		{rolestore.Events{}, "events/", "maintenance/"},
		{rolestore.Events{}, "events/maintenance/", "history\nscheduled"},
		{rolestore.Events{}, "events/maintenance/scheduled", "[]"},
		{rolestore.Events{}, "events/maintenance/history", "[]"},
		{rolestore.Events{}, "events/recommendations/rebalance", "404"},
		{rolestore.Events{}, "spot", "404"},
		{rolestore.Events{}, "autoscaling", "404"},
		{rolestore.Events{Maintenance: []rolestore.Maintenance{m, over}}, "events/maintenance/scheduled", event},
		{rolestore.Events{Maintenance: []rolestore.Maintenance{m, over}}, "events/maintenance/history",
			strings.Replace(strings.Replace(event, "active", "completed", 1), "scheduled reboot", "[Completed] scheduled reboot", 1)},
		{rolestore.Events{Maintenance: []rolestore.Maintenance{m, off}}, "events/maintenance/history",
			strings.Replace(strings.Replace(event, "active", "canceled", 1), "scheduled reboot", "[Canceled] scheduled reboot", 1)},
		{rolestore.Events{RebalanceNotice: at}, "events/", "maintenance/\nrecommendations/"},
		{rolestore.Events{RebalanceNotice: at}, "events/recommendations/rebalance", `{"noticeTime": "2019-01-21T09:00:43Z"}`},
		{rolestore.Events{SpotInterruption: rolestore.SpotInterruption{Action: "stop", Time: at}}, "spot/", "instance-action"},
		{rolestore.Events{SpotInterruption: rolestore.SpotInterruption{Action: "terminate", Time: at}}, "spot/", "instance-action\ntermination-time"},
		{rolestore.Events{SpotInterruption: rolestore.SpotInterruption{Action: "terminate", Time: at}}, "spot/instance-action", `{"action": "terminate", "time": "2019-01-21T09:00:43Z"}`},
		{rolestore.Events{SpotInterruption: rolestore.SpotInterruption{Action: "terminate", Time: at}}, "spot/termination-time", "2019-01-21T09:00:43Z"},
		{rolestore.Events{TerminationTime: at}, "spot/", "termination-time"},
		{rolestore.Events{TargetLifecycleState: "InService"}, "autoscaling/target-lifecycle-state", "InService"},
	} {
		i := instance("web")
		i.Events = test.events
		got := "404"
		if n, ok := tree.New(i, identity.Signed{}).Lookup("/latest/meta-data/" + test.path); ok {
			got = string(n.Body)
		}
		if got != test.want {
			t.Errorf("%+v: %s answers %q, want %q", test.events, test.path, got, test.want)
		}
		if strings.HasPrefix(got, "[") && !json.Valid([]byte(got)) {
			t.Errorf("%s is no JSON", test.path)
		}
	}
}
