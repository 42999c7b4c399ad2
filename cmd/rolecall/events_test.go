package main

import (
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestEventsAreToldAtOnceAndWhenTheirTimeComes sets them by the command line, and kills
// the agent while one is planned: its clock is ahead by more than a day then.
func TestEventsAreToldAtOnceAndWhenTheirTimeComes(t *testing.T) {
	h := newHouse(t)
	h.write("core.yaml", guestRoles)
	p := h.up()
	guest := h.guest("tap1")
	h.instance("put", "--id", webGuest, "--profile", "web", "--interface", "tap1")
	h.instance("wait", webGuest)
	if status, _ := guest.get("spot/instance-action"); status != 404 {
		t.Errorf("before the event: %d", status)
	}
	key := guest.role()["AccessKeyId"]
	h.instance("event", "spot-interruption", "--time", "2027-01-02T03:04:05Z", webGuest)
	h.instance("event", "maintenance", "--code", "system-reboot", "--event-id", "instance-event-1", webGuest)
	if _, got := guest.get("spot/instance-action"); got != `{"action": "terminate", "time": "2027-01-02T03:04:05Z"}` {
		t.Errorf("spot/instance-action is %s", got)
	}
	if got := guest.role()["AccessKeyId"]; got != key {
		t.Error("an event changes the credentials")
	}
	out := h.instance("event", "target-lifecycle-state", "--state", "Terminated", "--delay", "24h", webGuest)
	h.instance("event", "rebalance-recommendation", "--delay", "1ms", webGuest)
	if !strings.Contains(out, webGuest+": will be told at ") {
		t.Errorf("the command says %q", out)
	}
	h.until("the recommendation", func() bool { status, _ := guest.get("events/recommendations/rebalance"); return status == 200 })
	if status, _ := guest.get("autoscaling/target-lifecycle-state"); status != 404 {
		t.Errorf("a day too early: %d", status)
	}
	h.instance("put", "--id", webGuest, "--profile", "db", "--interface", "tap1") // changes the definition, not the events
	h.instance("wait", webGuest)
	p.remember()
	p.signal(syscall.SIGKILL)

	late := h.start([]string{clock(time.Now().Add(-time.Hour), 26)}, "up")
	late.waitFor("Rolecall is ready")
	h.instance("wait", webGuest)
	h.until("the event that was planned", func() bool {
		_, got := guest.get("autoscaling/target-lifecycle-state")
		return got == "Terminated"
	})
	if _, got := guest.get("events/maintenance/scheduled"); !strings.Contains(got, `"EventId" : "instance-event-1"`) {
		t.Errorf("events/maintenance/scheduled is %s", got)
	}
	h.instance("event", "maintenance", "--event-id", "instance-event-1", "--state", "completed", webGuest)
	if _, got := guest.get("events/maintenance/history"); !strings.Contains(got, "[Completed] scheduled reboot") {
		t.Errorf("events/maintenance/history is %s", got)
	}
	_, errs, ok := h.run("instance", "event", "maintenance", "--event-id", "instance-event-2", "--state", "completed", webGuest, "--admin-socket", h.path("run/agent.sock"))
	if ok || !strings.Contains(errs, `the instance has no such event`) {
		t.Errorf("a change of an event that there is not: %q", errs)
	}
	h.instance("event", "spot-interruption", "--clear", webGuest)
	if status, _ := guest.get("spot/"); status != 404 {
		t.Errorf("cleared: %d", status)
	}
	h.instance("rm", webGuest)
	h.instance("put", "--id", webGuest, "--profile", "web", "--interface", "tap1")
	h.instance("wait", webGuest)
	if status, _ := guest.get("autoscaling/"); status != 404 {
		t.Errorf("the next life of the id: %d", status)
	}
}

func TestWhatIsNoEventIsRefused(t *testing.T) {
	c := newCounter(t)
	for says, args := range map[string][]string{
		`action "flood": want one of terminate`: {"spot-interruption", "--action", "flood"},
		"want a time such as":                   {"termination-time", "--time", "noon"},
		`code "": want instance-reboot`:         {"maintenance"},
		`state "": want one of Detached`:        {"target-lifecycle-state"},
		"--delay -5m0s: want":                   {"termination-time", "--delay", "-5m"},
		"none of the others can be":             {"rebalance-recommendation", "--at", "2027-01-02T03:04:05Z", "--delay", "1s"},
	} {
		c.refused(says, append([]string{"event"}, append(args, webID)...)...)
	}
	c.want(webID+": told\n", "event", "spot-interruption", "--action", "stop", webID)
	c.want(webID+": cleared\n", "event", "spot-interruption", "--clear", webID)
	c.want(webID+": will be told at 2026-11-23T12:00:30Z\n", "event", "termination-time", "--delay", "30s", webID)
	if told := c.told; len(told) != 3 || told[0].Action != "stop" || !told[1].Clear || told[2].At.IsZero() {
		t.Errorf("the agent was told %+v", told)
	}
}
