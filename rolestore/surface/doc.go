// Package surface is what Rolecall's HTTP surfaces have in common: the metadata
// server, the core's endpoints and the two admin APIs.
//
// [Engine] is the only place where gin is set up, because its defaults do not
// suit a service of secrets: its logger writes raw queries, in which session
// tokens travel, its recovery dumps headers, its ClientIP believes
// X-Forwarded-For, and its redirects and 404 text are its own.
//
// [Browser] tells requests that a web page made. A page whose name was pointed at
// a local address ("DNS rebinding") can send any method and header, so that the
// PUT and the custom header of IMDSv2 do not keep it out; but it cannot choose
// the Host header, nor leave away what the browser says of its origin.
//
// [Server] is an HTTP server with the limits that an unauthenticated and possibly
// hostile caller calls for.
package surface
