package imds

import (
	"io"
	"net/http"
)

// maxBody is how much of a request's body is read to keep its connection, in bytes. None
// is expected; net/http would read 256 KiB of each, which no limit of requests counts.
const maxBody = 4 << 10

// bounded closes the connection after the reply if the request has more of a body than
// maxBody.
func bounded(w http.ResponseWriter, r *http.Request) {
	long := r.ContentLength > maxBody
	if r.ContentLength < 0 && r.Header["Expect"] == nil { // chunked; to read would send a 100
		n, _ := io.CopyN(io.Discard, r.Body, maxBody+1) // what is broken net/http closes
		long = n > maxBody
	}
	if long {
		w.Header().Set("Connection", "close")
	}
}
