package rolestore

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Events are what an instance is told of its future: what EC2 announces in spot/, events/
// and autoscaling/. It is a value: its methods return another one.
type Events struct {
	SpotInterruption SpotInterruption `json:"spot_interruption,omitzero"`
	// TerminationTime is that of spot/termination-time.
	TerminationTime time.Time `json:"termination_time,omitzero"`
	// RebalanceNotice is when a rebalance recommendation was emitted.
	RebalanceNotice time.Time `json:"rebalance_notice,omitzero"`
	// Maintenance are the scheduled events, and those of the past.
	Maintenance []Maintenance `json:"maintenance,omitempty"`
	// TargetLifecycleState is that of the Auto Scaling group.
	TargetLifecycleState string `json:"target_lifecycle_state,omitempty"`
	// Planned are the changes that are to come, the first first.
	Planned []EventChange `json:"planned,omitempty"`
}

// SpotInterruption is what happens to a Spot Instance, and when.
type SpotInterruption struct {
	Action string    `json:"action"`
	Time   time.Time `json:"time"`
}

// Maintenance is a scheduled event
// (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/monitoring-instances-status-check_sched.html).
type Maintenance struct {
	EventID     string    `json:"event_id"`
	Code        string    `json:"code"`
	Description string    `json:"description"`
	NotBefore   time.Time `json:"not_before"`
	NotAfter    time.Time `json:"not_after"`
	// State is active, completed or canceled.
	State string `json:"state"`
}

// The events, by the names that an [EventChange] gives them.
const (
	EventSpot        = "spot-interruption"
	EventTermination = "termination-time"
	EventRebalance   = "rebalance-recommendation"
	EventMaintenance = "maintenance"
	EventAutoScaling = "target-lifecycle-state"
)

// EventChange sets one event or clears it.
type EventChange struct {
	// Event is one of the names above.
	Event string `json:"event"`
	// Clear takes it away; of maintenance, only the one of EventID if that is given.
	Clear bool `json:"clear,omitempty"`
	// At is when; zero is at once.
	At time.Time `json:"at,omitzero"`
	// Time is when the instance ends, by default two minutes from At; of a rebalance
	// recommendation, when it was noticed.
	Time time.Time `json:"time,omitzero"`
	// Action is terminate, stop or hibernate.
	Action string `json:"action,omitempty"`
	// EventID, Code, Description, NotBefore and NotAfter are those of a [Maintenance]. An
	// event that is known by its id keeps what is left out.
	EventID     string    `json:"event_id,omitempty"`
	Code        string    `json:"code,omitempty"`
	Description string    `json:"description,omitempty"`
	NotBefore   time.Time `json:"not_before,omitzero"`
	NotAfter    time.Time `json:"not_after,omitzero"`
	// State is that of a Maintenance or of the Auto Scaling group.
	State string `json:"state,omitempty"`
}

// spotNotice is how long before its end a Spot Instance is told.
const spotNotice = 2 * time.Minute

var (
	spotActions       = []string{"terminate", "stop", "hibernate"}
	maintenanceStates = []string{"active", "completed", "canceled"}
	// maintenanceCodes are EC2's, with what each is described as.
	maintenanceCodes = map[string]string{
		"instance-reboot": "scheduled reboot", "system-reboot": "scheduled reboot", "system-maintenance": "scheduled maintenance",
		"instance-retirement": "scheduled retirement", "instance-stop": "scheduled stop",
	}
	lifecycleStates = []string{"Detached", "InService", "Standby", "Terminated",
		"Warmed:Hibernated", "Warmed:Running", "Warmed:Stopped", "Warmed:Terminated"}
)

// NewEventID returns a random id of a scheduled event.
func NewEventID() string {
	var b [9]byte
	_, _ = rand.Read(b[:]) // never fails, see crypto/rand
	return "instance-event-" + hex.EncodeToString(b[:])[:17]
}

// Validate reports what has no meaning, by the name of its member.
func (c EventChange) Validate() error {
	if c.Clear {
		if !slices.Contains([]string{EventSpot, EventTermination, EventRebalance, EventMaintenance, EventAutoScaling}, c.Event) {
			return c.unknown()
		}
		return nil
	}
	switch c.Event {
	case EventSpot:
		return oneOf("action", c.Action, spotActions)
	case EventTermination, EventRebalance:
		return nil
	case EventMaintenance:
		if err := c.checkNames(); err != nil {
			return err
		}
		if _, known := maintenanceCodes[c.Code]; !known && (c.Code != "" || c.EventID == "") {
			return fmt.Errorf("code %q: want instance-reboot, system-reboot, system-maintenance, instance-retirement or instance-stop", c.Code)
		}
		if !c.NotBefore.IsZero() && !c.NotAfter.IsZero() && c.NotAfter.Before(c.NotBefore) {
			return fmt.Errorf("not_after %s: it lies before not_before", c.NotAfter.Format(time.RFC3339))
		}
		return oneOf("state", c.State, append(maintenanceStates, ""))
	case EventAutoScaling:
		return oneOf("state", c.State, lifecycleStates)
	}
	return c.unknown()
}

// maxDescription is more than any of EC2's has, in characters.
const maxDescription = 256

// eventID is printable ASCII: who polls keeps it, and puts it into labels and logs.
var eventID = regexp.MustCompile(`^[!-~]{1,64}$`)

func (c EventChange) checkNames() error {
	switch {
	case c.EventID != "" && !eventID.MatchString(c.EventID):
		return fmt.Errorf("event_id %q: want 1 to 64 characters of ASCII without spaces, as in instance-event-0d59937288b749b32", c.EventID)
	case utf8.RuneCountInString(c.Description) > maxDescription || !isOneLine(c.Description):
		return fmt.Errorf("description: want at most %d characters on one line", maxDescription)
	}
	return nil
}

// Check reports a change of a scheduled event that is not there by then.
func (e Events) Check(c EventChange) error {
	there := slices.ContainsFunc(e.Maintenance, func(m Maintenance) bool { return m.EventID == c.EventID }) ||
		slices.ContainsFunc(e.Planned, func(p EventChange) bool {
			return p.Event == EventMaintenance && p.EventID == c.EventID && p.Code != "" && !c.At.Before(p.At)
		})
	if c.Event != EventMaintenance || c.Clear || c.Code != "" || there {
		return nil
	}
	return fmt.Errorf("event_id %q: the instance has no such event: name one that it has, or give a code", c.EventID)
}

func (c EventChange) unknown() error {
	return fmt.Errorf("event %q: want %s, %s, %s, %s or %s", c.Event, EventSpot, EventTermination, EventRebalance, EventMaintenance, EventAutoScaling)
}

func oneOf(member, value string, allowed []string) error {
	if !slices.Contains(allowed, value) {
		return fmt.Errorf("%s %q: want one of %s", member, value, strings.TrimSuffix(strings.Join(allowed, ", "), ", "))
	}
	return nil
}

// With is e with a valid change, planned if its time is to come.
func (e Events) With(c EventChange, now time.Time) Events {
	if c.Event == EventMaintenance && c.EventID == "" && !c.Clear {
		c.EventID = NewEventID()
	}
	if c.At.After(now) {
		e.Planned = append(slices.Clone(e.Planned), c)
		slices.SortStableFunc(e.Planned, func(a, b EventChange) int { return a.At.Compare(b.At) })
		return e
	}
	if c.At.IsZero() {
		c.At = now
	}
	return e.apply(c)
}

// Due is e with what was planned until now.
func (e Events) Due(now time.Time) Events {
	for len(e.Planned) > 0 && !e.Planned[0].At.After(now) {
		c := e.Planned[0]
		e.Planned = slices.Clone(e.Planned[1:])
		e = e.apply(c)
	}
	return e
}

// apply makes a change whose time has come.
func (e Events) apply(c EventChange) Events {
	end := c.Time
	if end.IsZero() {
		end = c.At.Add(spotNotice)
	}
	switch {
	case c.Event == EventSpot && c.Clear:
		e.SpotInterruption = SpotInterruption{}
	case c.Event == EventSpot:
		e.SpotInterruption = SpotInterruption{Action: c.Action, Time: end}
	case c.Event == EventTermination && c.Clear:
		e.TerminationTime = time.Time{}
	case c.Event == EventTermination:
		e.TerminationTime = end
	case c.Event == EventRebalance && c.Clear:
		e.RebalanceNotice = time.Time{}
	case c.Event == EventRebalance && c.Time.IsZero():
		e.RebalanceNotice = c.At
	case c.Event == EventRebalance:
		e.RebalanceNotice = c.Time
	case c.Event == EventAutoScaling && c.Clear:
		e.TargetLifecycleState = ""
	case c.Event == EventAutoScaling:
		e.TargetLifecycleState = c.State
	case c.Clear:
		e.Maintenance = slices.DeleteFunc(slices.Clone(e.Maintenance), func(m Maintenance) bool { return c.EventID == "" || m.EventID == c.EventID })
	default:
		e.Maintenance = maintained(e.Maintenance, c)
	}
	return e
}

// maintained are the scheduled events with one that is added or changed.
func maintained(all []Maintenance, c EventChange) []Maintenance {
	all = slices.Clone(all)
	n := slices.IndexFunc(all, func(m Maintenance) bool { return m.EventID == c.EventID })
	if n < 0 && c.Code == "" {
		return all // it was cleared meanwhile
	}
	if n < 0 {
		n = len(all)
		all = append(all, Maintenance{EventID: c.EventID, State: "active", NotBefore: c.At})
	}
	m := &all[n]
	if c.Code != "" {
		m.Code, m.Description = c.Code, maintenanceCodes[c.Code]
	}
	if c.Description != "" {
		m.Description = c.Description
	}
	if !c.NotBefore.IsZero() {
		m.NotBefore = c.NotBefore
	}
	if !c.NotAfter.IsZero() {
		m.NotAfter = c.NotAfter
	}
	if m.NotAfter.Before(m.NotBefore) {
		m.NotAfter = m.NotBefore.Add(time.Hour)
	}
	if c.State != "" {
		m.State = c.State
	}
	return all
}
