package doctor

import (
	"context"
	"fmt"
	"strings"
)

// agent is whether there is one, what it knows to be wrong, and how it listens.
func agent(_ context.Context, h Host) []Finding {
	if h.err != nil {
		return []Finding{{
			Severity: Error, What: "The agent does not answer: " + h.err.Error() + ".",
			Remedy: "systemctl start rolecall || " + h.Self + " up",
		}}
	}
	var findings []Finding
	for _, note := range h.status.Notes {
		findings = append(findings, Finding{Severity: Information, What: note})
	}
	for _, device := range h.status.Unclaimed {
		findings = append(findings, Finding{
			Severity: Information, What: "Somebody who is no instance asks for credentials.", Where: "device " + device,
			Remedy: fmt.Sprintf("%s instance put --profile NAME --interface %s", h.Self, quoted(device)),
		})
	}
	switch h.status.PortMode {
	case "", "auto": // nothing is attached yet that would decide it
	case "direct":
		findings = append(findings, Finding{
			Severity: Information, What: "Listeners are at port 80 of the metadata addresses (port mode direct): no web server can listen on port 80 of all addresses at the same time.",
		})
	default:
		findings = append(findings, Finding{
			Severity: Information, What: fmt.Sprintf("Requests for port 80 of the metadata addresses come to port %d (port mode %s).", h.status.Port, h.status.PortMode),
		})
	}
	return findings
}

// quoted is a word for a shell.
func quoted(word string) string {
	plain := func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789./:@%_+,-", r)
	}
	if word != "" && !strings.ContainsFunc(word, plain) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
