package doctor

import (
	"context"
	"fmt"
	"time"

	"github.com/rolecall/rolecall/cmd/rolecall/admin"
)

// shortly is how long credentials are good for, at least, when EC2 hands them out: an
// SDK that sees less asks again, and again.
const shortly = 25 * time.Minute

// instances are those that are not served, or not for much longer.
func instances(_ context.Context, h Host) []Finding {
	var findings []Finding
	for _, i := range h.status.Instances {
		for _, f := range []Finding{state(h, i), credentials(h, i), refusal(h, i), hops(i)} {
			if f.What != "" {
				f.Where = where(i)
				findings = append(findings, f)
			}
		}
	}
	return findings
}

func where(i admin.Instance) string { return "instance " + i.ID + " on " + i.Attachment }

// state is an instance whose requests nobody answers.
func state(h Host, i admin.Instance) Finding {
	switch i.State {
	case admin.StateAttached:
	case admin.StateWaiting:
		return Finding{
			Severity: Warning, What: "It is not served: " + i.Missing() + ".",
			Remedy: h.Self + " instance wait " + i.ID,
		}
	case admin.StateEnded:
		return Finding{
			Severity: Warning, What: "It has ended: " + i.StateReason + ".",
			Remedy: h.Self + " instance rm " + i.ID + " # and put it again, if it is to go on",
		}
	case admin.StateFailed:
		f := Finding{
			Severity: Error, What: "It cannot be served: " + i.StateReason + ".",
			Remedy: h.Self + " instance show " + i.ID,
		}
		if s := h.setting(i); s != nil {
			f.What = "It cannot be served: " + s.Error() + "."
			f.Remedy = enter(i.AttachmentDetails.Netns) + s.Command()
		}
		return f
	}
	return Finding{}
}

// credentials are those that are missing, or end and are not replaced.
func credentials(h Host, i admin.Instance) Finding {
	if i.RoleARN == "" || i.State == admin.StateEnded {
		return Finding{}
	}
	f := Finding{Severity: Error, Remedy: h.Self + " status"}
	why := ""
	if i.LastError != "" {
		why = ": " + i.LastError
	}
	switch {
	case i.Expiration == nil:
		if i.LastError == "" { // they are on their way
			return Finding{}
		}
		f.What = "There are no credentials yet" + why + "."
	case !i.Expiration.After(h.Now()):
		f.What = "The credentials have expired" + why + "."
	case i.Failures > 0:
		left := i.Expiration.Sub(h.Now())
		if left > shortly {
			f.Severity = Warning
		}
		f.What = fmt.Sprintf("The credentials are not replaced, and run out in %s%s.", left.Round(time.Second), why)
	default:
		return Finding{}
	}
	return f
}

// refusal is the last request that was not served. SDKs seldom say so.
func refusal(h Host, i admin.Instance) Finding {
	r := i.LastRefusal
	if r == nil {
		return Finding{}
	}
	return Finding{
		Severity: Information,
		What:     fmt.Sprintf("The last request that was refused, %s ago: %q from %s got %d: %s.", h.Now().Sub(r.Time).Round(time.Second), r.Path, r.Peer, r.Status, r.Reason),
		Remedy:   r.Remedy,
	}
}

// hops is what the hop limit of EC2 does not do here.
func hops(i admin.Instance) Finding {
	if !i.AttachmentDetails.Host {
		return Finding{}
	}
	return Finding{
		Severity: Information,
		What: "For the machine itself the hop limit protects nothing, as nothing is hops away: " +
			"every program of this machine, and every container in its network namespace, gets this role.",
	}
}
