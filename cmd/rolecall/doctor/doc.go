// Package doctor finds out why programs get no credentials, and says what to do.
//
//	findings := doctor.Examine(ctx, doctor.Host{...})
//
// It asks the running agent what is attached where, and looks at the host: the rules
// of its firewall (room network/verdict), the kernel's settings, the proxies of its
// environment, its clock. It changes nothing. A [Finding] says what is wrong, where, and
// the command that mends it, as an operator can paste it.
//
//	agent.go      whether the agent answers, and what it notes
//	instances.go  instances that are not served, or not for much longer
//	settings.go   settings of the kernel that will keep a guest from being heard
//	firewall.go   rules of others that take requests or answers away
//	way.go        ... as packets, by the hooks that they pass; remedy.go: how to let them pass
//	proxy.go      proxies that would get the requests for credentials
//	clock.go      a clock that differs from the issuer's
//
// Each topic is one function from a [Host] to findings, and none depends on another.
package doctor
