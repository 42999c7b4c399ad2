package verify_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"

	"github.com/rolecall/rolecall/rolestore/verify"
)

// A service with a role of its own is protected like this. The router may be gin's;
// testdata/services/reports is a whole one.
func ExampleGuard_Protect() {
	router := http.NewServeMux()
	router.HandleFunc("GET /reports/{id}", func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, "hello, %s\n", verify.Caller(r.Context()).ARN)
	})

	own, err := config.LoadDefaultConfig(context.Background()) // the service's role, from the metadata server
	if err != nil {
		log.Fatal(err)
	}
	guard, err := verify.New(verify.Config{
		Core: "https://sts.example.com", Credentials: own.Credentials, Now: time.Now,
		Service: "reports", Region: "eu-central-1", Hosts: []string{"reports.example.com"},
	})
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.ListenAndServeTLS(":443", "crt.pem", "key.pem", guard.Protect(router, func(r *http.Request) *verify.Matter {
		return &verify.Matter{Action: "reports:GetReport", Resource: "arn:aws:reports::123456789012:" + strings.TrimPrefix(r.URL.Path, "/")}
	})))
}

// TestTheReadmeShowsTheExample, which is compiled here.
func TestTheReadmeShowsTheExample(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	own, err := os.ReadFile("example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	_, block, ok := strings.Cut(string(readme), "```go\n")
	block, _, closed := strings.Cut(block, "```")
	if !ok || !closed {
		t.Fatal("the README shows no Go")
	}
	code := strings.ReplaceAll(string(own), "\n\t", "\n")
	for _, part := range strings.Split(strings.TrimSpace(block), "\n\n") {
		if !strings.Contains(code, part) {
			t.Errorf("the README has what the example has not:\n%s", part)
		}
	}
}
