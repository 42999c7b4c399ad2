package main

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

const issuerURL = "http://127.0.0.1:8473"

var hostARN = regexp.MustCompile(`^arn:aws:sts::[0-9]{12}:assumed-role/default/i-[0-9a-f]{17}$`)

// emptyConfiguration is the environment of a program that knows nothing of AWS.
func emptyConfiguration(t testing.TB) []string {
	return []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), roleVariable + "=" + roleGoClient}
}

// goClient is a program that uses aws-sdk-go-v2 as its documentation says.
func goClient(endpoint string) int {
	ctx := context.Background()
	c, err := config.LoadDefaultConfig(ctx, config.WithEC2IMDSRegion())
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
	fmt.Println("arn=" + aws.ToString(identity.Arn))
	fmt.Println("region=" + c.Region)
	return 0
}
