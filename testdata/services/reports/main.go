// Command reports is a sample of a service that is protected by the core's credentials: a
// gin router, whose handlers run for callers who may do what they ask for, by the policies
// that they have at the core. It has a role of its own, as from the metadata server, with
//
//	{"Effect": "Allow", "Action": ["rolecall:VerifyRequest", "rolecall:AuthorizeRequest"],
//	 "Resource": "arn:aws:rolecall::ACCOUNT:service/reports"}
//
// and callers who read have reports:GetReport on arn:aws:reports::ACCOUNT:report/ID.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/gin-gonic/gin"

	"github.com/rolecall/rolecall/rolestore/verify"
)

func main() {
	core := flag.String("core", "https://sts.example.com", "the core's `URL`")
	account := flag.String("account", "", "the service's account")
	listen := flag.String("listen", "127.0.0.1:0", "where to listen; behind a proxy that speaks TLS")
	host := flag.String("host", "reports.example.com", "what callers call the service")
	flag.Parse()

	own, err := config.LoadDefaultConfig(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	guard, err := verify.New(verify.Config{
		Core: *core, Credentials: own.Credentials, Now: time.Now,
		Service: "reports", Region: "eu-central-1", Hosts: []string{*host},
		Failed: func(r *http.Request, err error) { log.Print(r.Method, " ", r.URL.Path, ": ", err) },
	})
	if err != nil {
		log.Fatal(err)
	}
	var listening net.ListenConfig
	listener, err := listening.Listen(context.Background(), "tcp", *listen)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("listening on", listener.Addr())
	server := &http.Server{Handler: guard.Protect(router(), matter(*account)), ReadHeaderTimeout: 5 * time.Second}
	log.Fatal(server.Serve(listener))
}

// matter is what a request wants to do.
func matter(account string) func(*http.Request) *verify.Matter {
	actions := map[string]string{http.MethodGet: "reports:GetReport", http.MethodPut: "reports:PutReport"}
	return func(r *http.Request) *verify.Matter {
		action, ok := actions[r.Method]
		if !ok {
			action = "reports:Unknown" // that nobody is allowed but who may do all
		}
		id := strings.TrimPrefix(r.URL.Path, "/reports/")
		return &verify.Matter{Action: action, Resource: "arn:aws:reports::" + account + ":report/" + id}
	}
}

// router has nothing to do with credentials but that it asks who calls.
func router() http.Handler {
	gin.SetMode(gin.ReleaseMode)
	var reports sync.Map
	engine := gin.New()
	engine.GET("/reports/*id", func(g *gin.Context) {
		text, ok := reports.Load(g.Param("id"))
		if !ok {
			g.AbortWithStatus(http.StatusNotFound)
			return
		}
		g.String(http.StatusOK, "%s", text)
	})
	engine.PUT("/reports/*id", func(g *gin.Context) {
		text, err := io.ReadAll(g.Request.Body)
		if err != nil {
			g.AbortWithStatus(http.StatusBadRequest)
			return
		}
		who := verify.Caller(g.Request.Context())
		reports.Store(g.Param("id"), fmt.Sprintf("%s, by %s", text, who.ARN))
		g.Status(http.StatusNoContent)
	})
	return engine
}
