package imds

import (
	"fmt"
	"net/http"

	"github.com/gin-gonic/gin"
)

// Bodies of refusals. EC2's pages differ in their encoding.
var (
	emptyPage        = newDocument(nil, plainText)
	badRequestPage   = page(http.StatusBadRequest, "UTF-8")
	unauthorizedPage = page(http.StatusUnauthorized, "UTF-8")
	notFoundPage     = page(http.StatusNotFound, "iso-8859-1")
)

func page(status int, encoding string) document {
	title := fmt.Sprintf("%d - %s", status, http.StatusText(status))
	return newDocument(fmt.Appendf(nil, `<?xml version="1.0" encoding="%s"?>
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN"
	"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en" lang="en">
 <head>
  <title>%s</title>
 </head>
 <body>
  <h1>%[2]s</h1>
 </body>
</html>
`, encoding, title), htmlText)
}

// refuse is the one translator from refusals to replies.
func (s *Server) refuse(c *gin.Context, in *instance, r *refusal) {
	if r != notFound {
		s.record(c.Request, in, r)
	}
	closing(c, r)
	switch r.status {
	case http.StatusBadRequest:
		badRequestPage.write(c, r.status)
	case http.StatusUnauthorized:
		unauthorizedPage.write(c, r.status)
	case http.StatusNotFound:
		notFoundPage.write(c, r.status)
	default:
		emptyPage.write(c, r.status)
	}
}

// closing sets the headers that a refusal has besides its body.
func closing(c *gin.Context, r *refusal) {
	if r.allow != "" {
		c.Writer.Header().Set("Allow", r.allow)
	}
	if r == refusedUnidentified {
		c.Writer.Header().Set("Connection", "close") // it will not belong to anybody later
	}
}
