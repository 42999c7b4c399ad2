// Command rolecall serves short-lived role credentials to unmodified AWS SDKs at
// 169.254.169.254, on machines that are not on EC2.
//
//	rolecall up        the host agent and an embedded issuing core in one process
//	rolecall agent     the host agent alone
//	rolecall core      the issuing core alone; and, below it, administration that AWS's API has no call for
//	rolecall join      enrols this host with a core elsewhere
//	rolecall instance  which machines behind this one have which role
//	rolecall status    what is served to whom
//	rolecall doctor    why programs get no credentials, and what to do
//	rolecall cleanup   mends what a killed agent left in the network
//
// This is the composition root: the only place that knows every room, reads flags
// and files, and decides what a running process is made of.
//
//	main.go root.go paths.go files.go   from the command line to settings
//	coreaccounts.go corefile.go         core.yaml to the core's definitions
//	up.go agent.go core.go              the three ways to run, as lists of tasks
//	opennetwork.go ways.go              instances as attachments of the network
//	instances.go registry.go            putting, serving, ending and showing instances
//	output.go                           JSON or a table, for every command that shows something
//	instancefiles.go document.go        instances that files define
//	corelisten.go certificate.go        where the core listens, and with which certificate
//	coreadmin.go coregrant.go           hosts, grants, leases and join tokens
//	join.go corelink.go                 the agent's core: joining it, heeding it, releasing to it
//	tasks.go                            running them, readiness, the end
//
// An error that leaves here says what to do about it.
package main
