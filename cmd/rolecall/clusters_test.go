package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

// TestNoClusterWaitsForTheServerOfAnother has one server hang, among several that do not.
func TestNoClusterWaitsForTheServerOfAnother(t *testing.T) {
	hung := make(chan struct{})
	api := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/hung" {
			<-hung
		}
		_, _ = io.WriteString(w, `{"keys": []}`)
	}))
	defer api.Close()
	defer close(hung)
	c := &clusters{agent: &agentHalf{logger: slog.New(slog.DiscardHandler)}, byName: map[string]*cluster{}}
	names := []string{"hung"}
	for n := range 20 {
		names = append(names, fmt.Sprint("well", n))
	}
	for _, name := range names {
		c.byName[name] = &cluster{fileCluster: fileCluster{Name: name, JWKSURL: api.URL + "/" + name}, http: api.Client()}
	}
	ctx, stop := context.WithCancel(t.Context())
	var reading sync.WaitGroup
	reading.Go(func() { c.read(ctx) })
	defer reading.Wait()
	defer stop()
	for _, name := range names[1:] {
		one := c.byName[name]
		read := func() bool {
			one.mu.Lock()
			defer one.mu.Unlock()
			return one.keys != nil
		}
		for deadline := time.Now().Add(patience); !read(); time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("the key set of %s is not read", name)
			}
		}
	}
}
