package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

const issuerURL = "http://127.0.0.1:8473"

var hostARN = regexp.MustCompile(`^arn:aws:sts::[0-9]{12}:assumed-role/default/i-[0-9a-f]{17}$`)

// TestUnmodifiedClientsFindTheirRole starts `up` and asks each client, which has
// no configuration at all, who it is.
func TestUnmodifiedClientsFindTheirRole(t *testing.T) {
	clients, err := filepath.Abs("../../testdata/clients")
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for name, command := range map[string][]string{
		"Debian's awscli": {"/usr/bin/aws", "sts", "get-caller-identity", "--query", "Arn", "--output", "text",
			"--region", "us-east-1", "--endpoint-url", issuerURL},
		"Debian's boto3":               {"/usr/bin/python3", filepath.Join(clients, "identity.py"), issuerURL},
		"aws-sdk-go-v2":                {self, issuerURL},
		"the JavaScript SDK v3 of npm": {"node", filepath.Join(clients, "js/identity.mjs"), issuerURL},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.up()
			cmd := h.ns.Command(t.Context(), command[0], command[1:]...)
			cmd.Env = emptyConfiguration(t)
			var stderr strings.Builder
			cmd.Stderr = &stderr
			arn, err := cmd.Output()
			if err != nil || !hostARN.Match([]byte(strings.TrimSpace(string(arn)))) {
				t.Errorf("the client says it is %q: %v\n%s", arn, err, &stderr)
			}
		})
	}
}

// emptyConfiguration is the environment of a program that knows nothing of AWS.
func emptyConfiguration(t testing.TB) []string {
	return []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), roleVariable + "=" + roleGoClient}
}

// goClient is a program that uses aws-sdk-go-v2 as its documentation says.
func goClient(endpoint string) int {
	ctx := context.Background()
	c, err := config.LoadDefaultConfig(ctx, config.WithRegion("us-east-1"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	client := sts.NewFromConfig(c, func(o *sts.Options) { o.BaseEndpoint = aws.String(endpoint) })
	identity, err := client.GetCallerIdentity(ctx, nil)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println(aws.ToString(identity.Arn))
	return 0
}
