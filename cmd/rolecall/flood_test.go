package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
)

// How a guest floods, by as many connections at a time as [flooders].
const (
	floodRequests    = "requests"    // without waiting for replies, by connections that it keeps
	floodTokens      = "tokens"      // the same, for session tokens
	floodConnections = "connections" // a new one for each request
	floodNothing     = "nothing"     // new ones, on which it asks for nothing
)

// flooders is as many as one guest may have open, and more.
const flooders = 600

// flood asks as often as it can until it is killed. It says so when it has tried all its
// connections.
func flood(kind string) int {
	var begun sync.WaitGroup
	for range flooders {
		begun.Add(1)
		go func() {
			begin := sync.OnceFunc(begun.Done)
			for {
				c, err := new(net.Dialer).DialContext(context.Background(), "tcp", "169.254.169.254:80")
				begin()
				if err == nil {
					flow(c.(*net.TCPConn), kind)
				}
			}
		}()
	}
	begun.Wait()
	fmt.Println("begun")
	select {}
}

// flow asks by one connection, and ends it.
func flow(c *net.TCPConn, kind string) {
	defer func() { _ = c.Close() }()
	_ = c.SetLinger(0) // or the guest has no port left soon
	line, header := "GET /latest/meta-data/instance-id", ""
	if kind == floodTokens {
		line, header = "PUT /latest/api/token", "X-aws-ec2-metadata-token-ttl-seconds: 60\r\n"
	}
	request := line + " HTTP/1.1\r\nHost: 169.254.169.254\r\n" + header + "\r\n"
	switch kind {
	case floodNothing:
	case floodConnections:
		_, _ = io.WriteString(c, request)
		_, _ = c.Read(make([]byte, 1024))
	default:
		go func() { _, _ = io.Copy(io.Discard, c) }()
		many := strings.Repeat(request, 16)
		for {
			if _, err := io.WriteString(c, many); err != nil {
				return
			}
		}
	}
}
