// A program that uses aws-sdk-go-v2 as its documentation says, with no setting at
// all: it prints what the default chain of credentials finds, and where it runs.
package main

import (
	"context"
	"fmt"
	"io"
	"log"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
)

func main() {
	ctx := context.Background()
	c, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		log.Fatal(err)
	}
	credentials, err := c.Credentials.Retrieve(ctx)
	if err != nil {
		log.Fatal(err)
	}
	client := imds.NewFromConfig(c)
	fmt.Println("source=" + credentials.Source)
	fmt.Println("access_key_id=" + credentials.AccessKeyID)
	for _, path := range []string{"instance-id", "placement/region", "iam/security-credentials/"} {
		reply, err := client.GetMetadata(ctx, &imds.GetMetadataInput{Path: path})
		if err != nil {
			log.Fatal(err)
		}
		text, err := io.ReadAll(reply.Content)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s=%s\n", path, text)
	}
}
