package rolestore

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

var announced = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

func TestEventsAreSetAndCleared(t *testing.T) {
	later := announced.Add(time.Hour)
	for _, test := range []struct {
		set  EventChange
		want Events
	}{
		{EventChange{Event: EventSpot, Action: "stop"}, Events{SpotInterruption: SpotInterruption{"stop", announced.Add(2 * time.Minute)}}},
		{EventChange{Event: EventSpot, Action: "terminate", Time: later}, Events{SpotInterruption: SpotInterruption{"terminate", later}}},
		{EventChange{Event: EventTermination}, Events{TerminationTime: announced.Add(2 * time.Minute)}},
		{EventChange{Event: EventRebalance}, Events{RebalanceNotice: announced}},
		{EventChange{Event: EventRebalance, Time: later}, Events{RebalanceNotice: later}},
		{EventChange{Event: EventAutoScaling, State: "Terminated"}, Events{TargetLifecycleState: "Terminated"}},
		{EventChange{Event: EventMaintenance, Code: "system-reboot", EventID: "instance-event-1", NotAfter: later},
			Events{Maintenance: []Maintenance{{"instance-event-1", "system-reboot", "scheduled reboot", announced, later, "active"}}}},
	} {
		if err := test.set.Validate(); err != nil {
			t.Errorf("%+v: %v", test.set, err)
		}
		e := Events{}.With(test.set, announced)
		if !reflect.DeepEqual(e, test.want) {
			t.Errorf("%+v: %+v, want %+v", test.set, e, test.want)
		}
		planned := test.set
		planned.At = announced.Add(time.Minute)
		if e := (Events{}).With(planned, announced); len(e.Planned) != 1 || len(e.Maintenance) != 0 {
			t.Errorf("planned: %+v", e)
		} else if e := e.Due(planned.At.Add(-1)); len(e.Planned) != 1 {
			t.Errorf("too early: %+v", e)
		} else if e := e.Due(planned.At); len(e.Planned) != 0 || reflect.DeepEqual(e, Events{}) {
			t.Errorf("when its time has come: %+v", e)
		}
		cleared := e.With(EventChange{Event: test.set.Event, Clear: true}, announced)
		if cleared.Maintenance = nil; !reflect.DeepEqual(cleared, Events{}) || reflect.DeepEqual(e, cleared) {
			t.Errorf("cleared: %+v, of %+v", cleared, e)
		}
	}
}

func TestMaintenanceHasAHistory(t *testing.T) {
	e := Events{}.With(EventChange{Event: EventMaintenance, Code: "instance-stop"}, announced)
	id := e.Maintenance[0].EventID
	before := e
	if !strings.HasPrefix(id, "instance-event-") || len(id) != len("instance-event-0d59937288b749b32") {
		t.Errorf("the id is %s", id)
	}
	over := e.With(EventChange{Event: EventMaintenance, EventID: id, State: "completed"}, announced.Add(time.Hour))
	m := over.Maintenance[0]
	if len(over.Maintenance) != 1 || m.State != "completed" || m.Code != "instance-stop" || !m.NotBefore.Equal(announced) || !m.NotAfter.Equal(announced.Add(time.Hour)) {
		t.Errorf("over: %+v", over)
	}
	if before.Maintenance[0].State != "active" {
		t.Error("a change changes the events before it")
	}
	two := over.With(EventChange{Event: EventMaintenance, Code: "system-reboot"}, announced)
	if one := two.With(EventChange{Event: EventMaintenance, EventID: id, Clear: true}, announced); len(one.Maintenance) != 1 || one.Maintenance[0].Code != "system-reboot" {
		t.Errorf("one of two is cleared: %+v", one)
	}
}

func TestPlannedChangesComeInTheirOrder(t *testing.T) {
	at := func(d time.Duration) time.Time { return announced.Add(d) }
	e := Events{}.
		With(EventChange{Event: EventAutoScaling, Clear: true, At: at(3)}, announced).
		With(EventChange{Event: EventAutoScaling, State: "Standby", At: at(1)}, announced).
		With(EventChange{Event: EventAutoScaling, State: "Terminated", At: at(2)}, announced)
	for d, want := range []string{"", "Standby", "Terminated", ""} {
		if got := e.Due(at(time.Duration(d))).TargetLifecycleState; got != want {
			t.Errorf("after %d: %q, want %q", d, got, want)
		}
	}
}

func TestWhatIsNoEvent(t *testing.T) {
	for want, c := range map[string]EventChange{
		`event "flood": want spot-interruption`: {Event: "flood"},
		`event "": want spot-interruption`:      {Clear: true},
		`action "": want one of terminate`:      {Event: EventSpot},
		`state "Pending": want one of Detached`: {Event: EventAutoScaling, State: "Pending"},
		`code "": want instance-reboot`:         {Event: EventMaintenance},
		`code "reboot": want instance-reboot`:   {Event: EventMaintenance, EventID: "x", Code: "reboot"},
		`state "over": want one of active`:      {Event: EventMaintenance, EventID: "x", State: "over"},
		`event_id "a b": want`:                  {Event: EventMaintenance, EventID: "a b", Code: "system-reboot"},
		`event_id "a\nb": want`:                 {Event: EventMaintenance, EventID: "a\nb", Code: "system-reboot"},
		`description: want`:                     {Event: EventMaintenance, Description: "\x1b[31m", Code: "system-reboot"},
		`description: want at most`:             {Event: EventMaintenance, Description: strings.Repeat("x", 257), Code: "system-reboot"},
		`not_after 2026-03-04T05:06:06Z`:        {Event: EventMaintenance, Code: "system-reboot", NotBefore: announced, NotAfter: announced.Add(-time.Second)},
	} {
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", c, err, want)
		}
	}
}

func TestAnEventIsChangedThatIsThereByThen(t *testing.T) {
	made := EventChange{Event: EventMaintenance, EventID: "now", Code: "system-reboot"}
	planned := EventChange{Event: EventMaintenance, EventID: "later", Code: "system-reboot", At: announced.Add(time.Hour)}
	e := Events{}.With(made, announced).With(planned, announced)
	over := func(id string, at time.Time) EventChange {
		return EventChange{Event: EventMaintenance, EventID: id, State: "completed", At: at}
	}
	for _, c := range []EventChange{
		made, planned, over("now", time.Time{}), over("later", announced.Add(2*time.Hour)),
		{Event: EventMaintenance, EventID: "never", Clear: true}, {Event: EventTermination},
	} {
		if err := e.Check(c); err != nil {
			t.Errorf("%+v: %v", c, err)
		}
	}
	for _, c := range []EventChange{over("never", time.Time{}), over("later", time.Time{}), over("later", announced.Add(time.Minute))} {
		if err := e.Check(c); err == nil || !strings.Contains(err.Error(), c.EventID) {
			t.Errorf("%+v: %v", c, err)
		}
		if got := e.With(c, announced).Due(c.At); len(got.Maintenance) > len(e.Maintenance) {
			t.Errorf("%+v makes an event without a code: %+v", c, got.Maintenance)
		}
	}
}
