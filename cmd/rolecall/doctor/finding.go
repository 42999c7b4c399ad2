package doctor

import (
	"context"
	"slices"
	"time"

	"github.com/rolecall/rolecall/cmd/rolecall/admin"
	"github.com/rolecall/rolecall/rolestore"
)

// Severity is how bad a finding is.
type Severity string

// The severities.
const (
	// Error is what keeps somebody from credentials, or will at any moment.
	Error Severity = "error"
	// Warning is what may.
	Warning Severity = "warning"
	// Information is what is meant to be so, and good to know.
	Information Severity = "information"
)

var severities = []Severity{Error, Warning, Information}

// Finding is one thing that is wrong, or good to know.
type Finding struct {
	Severity Severity `json:"severity"`
	// What is wrong, in a sentence.
	What string `json:"what"`
	// Where it is: a rule, a file, an instance.
	Where string `json:"where,omitempty"`
	// Remedy is a command to paste.
	Remedy string `json:"remedy,omitempty"`
}

// Host is what is examined.
type Host struct {
	// Self is how a person calls this program.
	Self string
	// Status asks the running agent.
	Status func(context.Context) (admin.Status, error)
	// Unheard looks for what this host does that keeps a guest from reaching us.
	Unheard func(rolestore.Attachment) error
	// Env is the caller's environment, and Environment the file of everybody's.
	Env         func(string) string
	Environment string
	Now         func() time.Time

	status admin.Status
	err    error
}

// checks are all topics.
var checks = []func(context.Context, Host) []Finding{agent, instances, settings, firewall, proxies, clock}

// Examine returns all findings, the worst first.
func Examine(ctx context.Context, h Host) []Finding {
	h.status, h.err = h.Status(ctx)
	findings := []Finding{}
	for _, check := range checks {
		findings = append(findings, check(ctx, h)...)
	}
	slices.SortStableFunc(findings, func(a, b Finding) int {
		return slices.Index(severities, a.Severity) - slices.Index(severities, b.Severity)
	})
	return findings
}
