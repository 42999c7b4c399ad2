// A program that uses aws-sdk-go, version 1, as its documentation says: it prints
// who it is at the core whose URL is its argument, and where it runs.
package main

import (
	"fmt"
	"log"
	"os"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/aws/ec2metadata"
	"github.com/aws/aws-sdk-go/aws/session"
	"github.com/aws/aws-sdk-go/service/sts"
)

func main() {
	s, err := session.NewSession()
	if err != nil {
		log.Fatal(err)
	}
	region, err := ec2metadata.New(s).Region()
	if err != nil {
		log.Fatal(err)
	}
	client := sts.New(s, aws.NewConfig().WithRegion(region).WithEndpoint(os.Args[1]))
	identity, err := client.GetCallerIdentity(nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("arn=" + aws.StringValue(identity.Arn))
	fmt.Println("region=" + region)
}
