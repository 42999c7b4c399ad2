// Package admin is the agent's admin API: HTTP on a Unix socket, whose
// permissions decide who may use it. Its nouns are EC2's.
//
//	GET /v1/status    what the agent serves to whom, and what went wrong last
//
// The types here are the wire; `rolecall status -o json` prints them as they are.
// No answer carries a secret.
//
// The package knows no room but surface: the command fills in what it shows.
package admin
