package doctor

import (
	"context"
	"errors"

	"github.com/rolecall/rolecall/cmd/rolecall/admin"
)

// setting is one of the kernel's that keeps a guest from being heard.
type setting interface {
	error
	// Command sets it to a value that lets the guest through.
	Command() string
}

// settings are those of which the agent tells when the guest's device is there.
func settings(_ context.Context, h Host) []Finding {
	var findings []Finding
	for _, i := range h.status.Instances {
		if i.State != admin.StateWaiting {
			continue
		}
		if s := h.setting(i); s != nil {
			findings = append(findings, Finding{
				Severity: Warning, What: "It will perhaps not be heard when its device is there: " + s.Error() + ".",
				Where: where(i), Remedy: enter(i.AttachmentDetails.Netns) + s.Command(),
			})
		}
	}
	return findings
}

// setting is the one that is in an instance's way, nil if none is.
func (h Host) setting(i admin.Instance) setting {
	s, _ := errors.AsType[setting](h.Unheard(i.AttachmentDetails))
	return s
}
