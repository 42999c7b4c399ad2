package imds

import (
	"strconv"

	"github.com/gin-gonic/gin"
)

// document is a reply's body with its headers, all in the form in which they
// are written, so that answering it again takes no work. The zero document is
// none.
type document struct {
	body          []byte
	contentType   []string
	contentLength []string
	modified      []string // nil for what is no metadata
}

// Values of headers, shared by all replies. Nobody writes to them.
var (
	serverName = []string{"EC2ws"} // some software finds out by it whether it is on EC2
	plainText  = []string{"text/plain"}
	htmlText   = []string{"text/html"}
	octets     = []string{"application/octet-stream"}
	noRanges   = []string{"none"}
)

func newDocument(body []byte, contentType []string) document {
	return document{body: body, contentType: contentType, contentLength: []string{strconv.Itoa(len(body))}}
}

// metadata is a document of the metadata tree. All but user-data are text/plain, JSON
// too.
func metadata(body []byte, modified []string) document {
	d := newDocument(body, plainText)
	d.modified = modified
	return d
}

// write answers with d. It sets headers by assignment, since their names are in
// canonical form already.
func (d document) write(c *gin.Context, status int) {
	h := c.Writer.Header()
	h["Server"] = serverName
	h["Content-Type"] = d.contentType
	h["Content-Length"] = d.contentLength
	if d.modified != nil {
		h["Accept-Ranges"] = noRanges
		h["Last-Modified"] = d.modified
	}
	c.Status(status)
	c.Writer.WriteHeaderNow()
	_, _ = c.Writer.Write(d.body) // the caller is gone; net/http knows
}
