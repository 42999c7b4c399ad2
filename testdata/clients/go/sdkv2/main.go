// A program that uses aws-sdk-go-v2 as its documentation says: it asks the core whose URL
// is its first argument who it is, until it has used as many access keys as the second
// says, and prints each.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

func main() {
	ctx := context.Background()
	keys, err := strconv.Atoi(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	c, err := config.LoadDefaultConfig(ctx, config.WithEC2IMDSRegion())
	if err != nil {
		log.Fatal(err)
	}
	client := sts.NewFromConfig(c, func(o *sts.Options) { o.BaseEndpoint = aws.String(os.Args[1]) })
	for used := map[string]bool{}; len(used) < keys; time.Sleep(200 * time.Millisecond) {
		if _, err := client.GetCallerIdentity(ctx, nil); err != nil {
			log.Fatal(err)
		}
		credentials, err := c.Credentials.Retrieve(ctx)
		if err != nil {
			log.Fatal(err)
		}
		if !used[credentials.AccessKeyID] {
			fmt.Println("key=" + credentials.AccessKeyID)
		}
		used[credentials.AccessKeyID] = true
	}
}
