package imds_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/imds"
)

// TestCallsWithoutATokenAreCounted counts those that were answered and those that were
// not, for the instance that they are of and for one life of it.
func TestCallsWithoutATokenAreCounted(t *testing.T) {
	h := newHost(t)
	i := web()
	h.Put(i)
	h.Put(db())
	get := func() int {
		return h.ask(t, webID, "GET /latest/meta-data/instance-id HTTP/1.1", hostIP).StatusCode
	}
	if status := get(); status != http.StatusUnauthorized {
		t.Errorf("without a token: %d", status)
	}
	i.Options.HTTPTokens = "optional"
	h.Put(i)
	for range 2 {
		if status := get(); status != http.StatusOK {
			t.Errorf("without a token: %d", status)
		}
	}
	h.get(t, "/latest/meta-data/instance-id") // with one: not counted
	if got, want := h.Calls(webID), (imds.Calls{NoToken: 2, NoTokenRejected: 1}); got != want {
		t.Errorf("counted %+v, want %+v", got, want)
	}
	if got := h.Calls(dbID); got != (imds.Calls{}) {
		t.Errorf("another instance has %+v", got)
	}
	i.Incarnation[1]++
	h.Put(i)
	if got := h.Calls(webID); got != (imds.Calls{}) {
		t.Errorf("the next life has %+v", got)
	}
}

// TestAGuestDoesNotFillTheLog asks for what is not there a thousand times. The log says
// so a few times, goes on saying what another instance is refused, and how often it
// did not.
func TestAGuestDoesNotFillTheLog(t *testing.T) {
	h := newHost(t)
	h.Put(web())
	h.Put(db())
	ask := func(id string) { h.ask(t, id, "GET /latest/nothing HTTP/1.1", hostIP) }
	for range 1000 {
		ask(webID)
	}
	told := strings.Count(h.log.String(), "metadata request refused")
	if told == 0 || told > 100 {
		t.Errorf("the log tells %d of 1000 refusals", told)
	}
	ask(dbID)
	if !strings.Contains(h.log.String(), dbID) {
		t.Error("another instance's refusal is not told")
	}
	h.sleep(time.Minute)
	ask(webID)
	if !strings.Contains(h.log.String(), "untold=940") {
		t.Error("it is not told how many were not")
	}
	for range 1000 {
		h.ask(t, "i-of-nobody", "GET /latest/nothing HTTP/1.1", hostIP)
	}
	if all := strings.Count(h.log.String(), "metadata request refused"); all > told+100 {
		t.Errorf("the log tells %d refusals of nobody", all-told)
	}
}
