package doctor

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"
)

const (
	// off is how much a clock may differ before services refuse what is signed by it
	// (https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html
	// has 15 minutes, AWS STS 5), and soon before somebody should look.
	off  = 5 * time.Minute
	soon = time.Minute

	// dateTimeout bounds the wait for the issuer.
	dateTimeout = 5 * time.Second
)

// clock holds this machine's clock against the issuer's, by the Date of an HTTP answer
// (RFC 9110, section 6.6.1), whatever the answer is. An issuer on this machine has the
// same clock, and what one says who is not the issuer does not count.
func clock(ctx context.Context, h Host) []Finding {
	if !strings.HasPrefix(h.status.Issuer, "http://") && !strings.HasPrefix(h.status.Issuer, "https://") {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, dateTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodHead, h.status.Issuer, nil)
	if err != nil {
		return nil
	}
	before := h.Now()
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		return nil // the agent tells, if it cannot reach it either
	}
	_ = response.Body.Close()
	date, err := http.ParseTime(response.Header.Get("Date"))
	if err != nil {
		return nil
	}
	after := h.Now()
	skew := before.Sub(date)
	if after.Before(date) {
		skew = date.Sub(after)
	}
	f := Finding{
		Severity: Warning, Where: "the clock of this machine, against " + h.status.Issuer,
		What:   fmt.Sprintf("The clock differs from the issuer's by %s; from %s on, requests that are signed here are refused.", skew.Round(time.Second), off),
		Remedy: "timedatectl set-ntp true",
	}
	switch {
	case skew > off:
		f.Severity = Error
		return []Finding{f}
	case skew > soon:
		return []Finding{f}
	}
	return nil
}
