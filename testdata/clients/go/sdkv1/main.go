// A program that uses aws-sdk-go, version 1, as its documentation says: it prints
// who it is at the core whose URL is its first argument, where it runs, and each access
// key that it uses, until it has used as many as the second argument says.
package main

import (
	"fmt"
	"log"
	"os"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/aws/ec2metadata"
	"github.com/aws/aws-sdk-go/aws/session"
	"github.com/aws/aws-sdk-go/service/sts"
)

func main() {
	keys, err := strconv.Atoi(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
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
	for used := map[string]bool{}; len(used) < keys; time.Sleep(200 * time.Millisecond) {
		if _, err := client.GetCallerIdentity(nil); err != nil {
			log.Fatal(err)
		}
		credentials, err := s.Config.Credentials.Get()
		if err != nil {
			log.Fatal(err)
		}
		if !used[credentials.AccessKeyID] {
			fmt.Println("key=" + credentials.AccessKeyID)
		}
		used[credentials.AccessKeyID] = true
	}
}
